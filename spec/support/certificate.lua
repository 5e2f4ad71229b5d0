-- Certificates for tests, made by the openssl program; valid whatever the clock says.
--   local paper <close> = certificate.make "example.com"    or "127.0.0.1"
--   paper.certificate, paper.key; paper.certificate is also the authority that vouches for it
local certificate = {}

local CONFIG = [[
[ca]
default_ca = own
[own]
database = %s/index
new_certs_dir = %s
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = ext
[any]
commonName = supplied
[ext]
basicConstraints = critical,CA:TRUE
subjectAltName = %s:%s
]]

local Paper = {}
Paper.__index = Paper

function Paper:close()
  os.execute("rm -rf '" .. self.folder .. "'")
end

Paper.__close = Paper.close

local function write(path, text)
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
end

---@param name string the only name it is good for
---@param last string? end of its validity, YYYYMMDDhhmmssZ
function certificate.make(name, last)
  local folder = os.tmpname()
  os.remove(folder)
  local self = setmetatable({ folder = folder, key = folder .. "/key.pem",
    certificate = folder .. "/certificate.pem" }, Paper)
  assert(os.execute("mkdir -m 700 " .. folder))
  write(folder .. "/index", "")
  write(folder .. "/config", CONFIG:format(folder, folder,
    name:find("^[%d.]+$") and "IP" or "DNS", name))
  local command = ("cd %s && openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1"
    .. " -nodes -subj /CN=test -keyout key.pem -out csr && "
    .. "openssl ca -batch -selfsign -config config -startdate 20200101000000Z"
    .. " -enddate %s -in csr -keyfile key.pem"
    .. " -out certificate.pem"):format(folder, last or "20991231000000Z")
  assert(os.execute("{ " .. command .. "; } >" .. folder .. "/log 2>&1"), "no certificate")
  return self
end

return certificate
