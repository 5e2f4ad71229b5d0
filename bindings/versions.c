#include "bindings/versions.h"

#include <ares.h>
#include <curl/curl.h>
#include <ev.h>
#include <libxml/xmlversion.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <sndfile.h>
#include <sofia-sip/su_types.h>
#include <sofia-sip/sofia_features.h>
#include <spandsp/version.h>

#include "bindings/state.h"

#define TEXT_OF(x) #x
#define AS_TEXT(x) TEXT_OF(x)

void ml_versions_set(lua_State *L)
{
    ml_set_text(L, "version", ML_VERSION);
    ml_set_text(L, "lua", LUA_RELEASE);
    ml_set_text(L, "sofia", SOFIA_SIP_VERSION);
    ml_set_text(L, "libev", AS_TEXT(EV_VERSION_MAJOR) "." AS_TEXT(EV_VERSION_MINOR));
    ml_set_text(L, "curl", curl_version_info(CURLVERSION_NOW)->version);
    ml_set_text(L, "libxml2", LIBXML_DOTTED_VERSION);
    ml_set_text(L, "microhttpd", MHD_get_version());
    ml_set_text(L, "openssl", OpenSSL_version(OPENSSL_VERSION_STRING));
    ml_set_text(L, "sndfile", sf_version_string());
    ml_set_text(L, "spandsp", SPANDSP_RELEASE_DATETIME_STRING);
    ml_set_text(L, "cares", ares_version(NULL));
}
