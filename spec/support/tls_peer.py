"""A SIP peer over TLS that is not ours: tls_peer.py callee CERTIFICATE KEY, or
tls_peer.py caller PORT NAME AUTHORITY. Prints what it sees, a line each."""
import re
import socket
import ssl
import sys

SDP = ("v=0\r\no=p 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
       "m=audio 40000 RTP/AVP 0\r\n")


def say(*words):
    print(*words, flush=True)


class Wire:
    """Whole messages of one connection."""

    def __init__(self, connection):
        self.connection, self.bytes = connection, b""

    def read(self):
        while b"\r\n\r\n" not in self.bytes:
            more = self.connection.recv(65536)
            if not more:
                return None
            self.bytes += more
        head, _, rest = self.bytes.partition(b"\r\n\r\n")
        text = head.decode()
        length = int(re.search(r"(?im)^(?:content-length|l): *(\d+)", text).group(1))
        while len(rest) < length:
            rest += self.connection.recv(65536)
        self.bytes = rest[length:]
        say(text.split("\r\n")[0])
        return text

    def send(self, lines, body=""):
        lines = lines + (["Content-Type: application/sdp"] if body else [])
        lines = lines + ["Content-Length: %d" % len(body), "", body]
        self.connection.sendall("\r\n".join(lines).encode())


def header(text, name):
    return re.search(r"(?im)^%s: *(.*?)\r?$" % name, text).group(1)


def reply(wire, request, code, body="", contact=""):
    to = header(request, "To")
    lines = ["SIP/2.0 %d Said" % code]
    lines += ["Via: " + via for via in re.findall(r"(?im)^Via: *(.*?)\r?$", request)]
    lines += ["From: " + header(request, "From"),
              "To: " + to + ("" if ";tag=" in to else ";tag=callee"),
              "Call-ID: " + header(request, "Call-ID"), "CSeq: " + header(request, "CSeq")]
    wire.send(lines + ([contact] if contact else []), body)


def callee(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.sni_callback = lambda _, name, __: say("sni", name)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    say("port", port)
    while True:
        connection, _ = listener.accept()
        try:
            wire = Wire(context.wrap_socket(connection, server_side=True))
        except OSError as problem:
            say("refused", problem)
            continue
        say("connected", wire.connection.version())
        contact = "Contact: <sip:bob@127.0.0.1:%d;transport=tls>" % port
        while True:
            request = wire.read()
            if request is None:
                break
            method = request.split(" ")[0]
            if method == "INVITE":
                say("header", header(request, "Via"))
                say("header", header(request, "Contact"))
                reply(wire, request, 180, contact=contact)
                reply(wire, request, 200, SDP, contact)
            elif method != "ACK":
                reply(wire, request, 200)


def caller(port, name, authority):
    context = ssl.create_default_context(cafile=authority)
    plain = socket.create_connection(("127.0.0.1", int(port)), 5)
    connection = context.wrap_socket(plain, server_hostname=name)
    wire, own = Wire(connection), "127.0.0.1:%d" % connection.getsockname()[1]

    def request(method, number, tag=""):
        return ["%s sip:line@127.0.0.1:%s SIP/2.0" % (method, port),
                "Via: SIP/2.0/TLS %s;branch=z9hG4bK%s%d" % (own, method, number),
                "From: <sip:tom@%s>;tag=tom" % own, "To: <sip:line@127.0.0.1>" + tag,
                "Call-ID: over-tls", "CSeq: %d %s" % (number, method), "Max-Forwards: 70",
                "Contact: <sip:tom@%s;transport=tls>" % own]

    wire.send(request("INVITE", 1), SDP)
    while True:
        answer = wire.read()
        if answer.startswith("SIP/2.0 2"):
            break
    say("header", header(answer, "Contact"))
    tag = re.search(";tag=.*", header(answer, "To")).group(0)
    wire.send(request("ACK", 1, tag))
    wire.send(request("BYE", 2, tag))
    wire.read()


{"callee": callee, "caller": caller}[sys.argv[1]](*sys.argv[2:])
