-- The Debian package: what is in it, that it runs from where it was unpacked, and what an upgrade and a
-- purge leave. spec/long/debian installs it in a Debian of its own.
local moonline = require "moonline"
local process = require "support.process"

local LIFE = 120 -- seconds that building may take on a busy machine

local SYSTEM = "/system" -- below the folder: what dpkg installs into

local folder, build, packages

-- Runs a program to its good end: what it said.
local function does(argv, options)
  options = options or {}
  options.life = LIFE
  local one <close> = process.start(argv, options)
  assert.equal(0, one:exit(LIFE), one:said())
  return one:out()
end

local function sh(line, ...)
  return does { "sh", "-ec", line, "sh", ... }
end

local function package(version)
  does({ "cpack", "--config", build .. "/CPackConfig.cmake", "-B", folder .. "/" .. version, "-D",
    "CPACK_PACKAGE_VERSION=" .. version })
  return sh("echo $1/*.deb", folder .. "/" .. version):match "^[^\n]*"
end

-- dpkg in a root of its own; its scripts see DPKG_ROOT and leave this machine alone.
local function dpkg(...)
  return does { "dpkg", "--root=" .. folder .. SYSTEM, "--force-not-root", "--force-depends",
    "--force-script-chrootless", "--force-confold", "--log=" .. folder .. "/dpkg.log", ... }
end

local function exists(path)
  return io.open(folder .. SYSTEM .. path) ~= nil
end

describe("the Debian package", function()
  setup(function()
    folder = process.folder()
    build = process.moonline:match "^(.*)/moonline$"
    does { "cmake", "--build", build, "--target", "pages" }
    packages = { package "1.0.0", package "1.0.1" }
  end)
  teardown(function() process.remove(folder) end)

  it("says what it is and needs, and has every file", function()
    local control = does { "dpkg-deb", "-f", packages[1] }
    assert.matches("\nPackage: moonline\n", "\n" .. control)
    assert.matches("\nVersion: 1.0.0\n", control)
    for _, name in ipairs { "lua%-argparse", "lua%-dkjson", "lua%-filesystem", "adduser",
      "libsofia%-sip%-ua0", "libedit2" } do
      assert.matches("\nDepends: [^\n]*" .. name, control)
    end
    local files = does { "dpkg-deb", "-c", packages[1] }
    for _, path in ipairs { "etc/moonline/moonline.lua", "usr/bin/moonline",
      "usr/lib/systemd/system/moonline.service", "usr/share/man/man1/moonline.1",
      "usr/share/man/man5/moonline.conf.5", "usr/share/doc/moonline/copyright",
      "usr/share/bash-completion/completions/moonline",
      "usr/share/zsh/vendor-completions/_moonline",
      "usr/share/fish/vendor_completions.d/moonline.fish",
      "usr/share/doc/moonline/examples/menu.lua" } do
      assert.truthy(files:find(" root/root [^\n]* %./" .. path:gsub("%p", "%%%0") .. "\n"), path)
    end
    local sources = sh("cd $1 && find lua/moonline -name '*.lua'", process.root)
    for path in sources:gmatch "[^\n]+" do
      assert.truthy(files:find("./usr/share/moonline/" .. path .. "\n", 1, true), path)
    end
    assert.equal("/etc/moonline/moonline.lua\n",
      sh("dpkg-deb -I $1 conffiles", packages[1]))
  end)

  it("has scripts that a shell understands, and a unit that systemd does", function()
    sh("for name in $1/packaging/debian/p*; do sh -n $name; done", process.root)
    local unit = process.read(process.root .. "/packaging/moonline.service")
    for _, line in ipairs { "Type=notify", "User=moonline", "StateDirectory=moonline",
      "ExecReload=/bin/kill -HUP $MAINPID", "NoNewPrivileges=yes", "ProtectSystem=strict" } do
      assert.truthy(unit:find("\n" .. line .. "\n", 1, true), line)
    end
    local drain = require("moonline.config.schema").defaults().limits.drain
    assert.is_true(tonumber(unit:match "\nTimeoutStopSec=(%d+)\n") > drain)
    local said = sh([[systemd-analyze verify --man=no --recursive-errors=no "$1" 2>&1 || true]],
      process.root .. "/packaging/moonline.service")
    assert.is_nil(said:find "moonline%.service:%d+:", said) -- a line it does not know
    local exposure = sh([[systemd-analyze security --offline=true "$1" | tail -1]],
      process.root .. "/packaging/moonline.service")
    assert.is_true(tonumber(exposure:match "moonline%.service: (%d+%.%d+)") < 2, exposure)
  end)

  it("runs from where it was unpacked, with its own configuration, and takes a call", function()
    local root = folder .. "/unpacked"
    sh("dpkg-deb -x $1 $2", packages[1], root)
    local program = root .. "/usr/bin/moonline"
    assert.equal(root .. "/usr/share/moonline/lua\n", does({ program, "-" },
      { input = 'print(require("moonline.core.sys").lua_dir())' }))
    does { program, "check", root .. "/etc/moonline/moonline.lua" }
    local document = process.write(folder .. "/hello.xml",
      '<Response><Say>Hello</Say><Pause length="60"/></Response>')
    local server <close> = process.start({ program, "serve", "-c",
      root .. "/etc/moonline/moonline.lua", "--set", "store.path=" .. folder .. "/store", "--sip",
      "udp:127.0.0.1:0", "--http", "127.0.0.1:0", "--twiml", document }, { directory = folder })
    local port, http = server:await "^ready sip=udp:127.0.0.1:(%d+) http=(%S+)\n"
    assert.equal(200, moonline.http.get("http://" .. http .. "/ready").status)
    does { program, root .. "/usr/share/moonline/ready.lua", "http://" .. http }
    local alice <close> = assert(moonline.agent())
    local leg <close> = assert(alice:call("sip:line@127.0.0.1:" .. port))
    local health = moonline.http.get("http://" .. http .. "/health").body
    assert.equal(1, moonline.json.decode(health).calls)
    leg:hangup()
    server:signal "TERM"
    assert.equal(0, server:exit())
    local gone <close> = process.start { program, root .. "/usr/share/moonline/ready.lua",
      "http://" .. http }
    assert.equal(1, gone:exit())
  end)

  it("keeps the configuration and the store when it is upgraded; a purge takes them", function()
    sh("mkdir -p $1/var/lib/dpkg/info $1/var/lib/dpkg/updates; : >$1/var/lib/dpkg/status",
      folder .. SYSTEM)
    dpkg("-i", packages[1])
    local configuration = folder .. SYSTEM .. "/etc/moonline/moonline.lua"
    assert.matches("/var/lib/moonline", process.read(configuration))
    process.write(configuration, 'voice = { url = "http://127.0.0.1:3000/mine" }\n')
    sh("mkdir -p $1/var/lib/moonline; echo kept >$1/var/lib/moonline/account", folder .. SYSTEM)
    dpkg("-i", packages[2])
    assert.matches("1.0.1", dpkg("-s", "moonline"))
    assert.equal('voice = { url = "http://127.0.0.1:3000/mine" }\n', process.read(configuration))
    assert.is_true(exists "/var/lib/moonline/account")
    dpkg("-r", "moonline")
    assert.is_false(exists "/usr/bin/moonline")
    assert.is_false(exists "/usr/share/moonline")
    assert.is_true(exists "/etc/moonline/moonline.lua")
    assert.is_true(exists "/var/lib/moonline/account")
    dpkg("-P", "moonline")
    assert.is_false(exists "/etc/moonline/moonline.lua")
    assert.is_false(exists "/var/lib/moonline/account")
  end)
end)
