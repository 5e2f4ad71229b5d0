-- Configuration of the moonline service: moonline.conf(5) has every key. After a change:
--   moonline check /etc/moonline/moonline.lua && systemctl reload moonline

store = { path = "/var/lib/moonline" }

-- Only this machine may call, and use the REST interface, until it is told otherwise here:
-- sip   = { listen = { "udp:0.0.0.0:5060", "tcp:0.0.0.0:5060" }, advertise = "203.0.113.5",
--           allow = { "127.0.0.0/8" }, users = { alice = "her password" } }
-- rtp   = { listen = "0.0.0.0", advertise = "203.0.113.5" }

-- What answers calls: a web application, or a script. Without one of them they get 404.
-- voice = { url = "https://myapp.com/voice" }
-- voice = { script = "menu.lua" }
