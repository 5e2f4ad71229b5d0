"""A voice agent that is not ours, on python3-websockets: stream_peer.py [CERTIFICATE KEY]. Sends back
what it hears, after a mark; closes at key 9. Prints what it sees, a line each."""
import asyncio
import json
import ssl
import sys

import websockets


def say(*words):
    print(*words, flush=True)


async def agent(socket, path=None):
    say("path", socket.path)
    say("agent", socket.request_headers["User-Agent"])
    say("signature", socket.request_headers["X-Twilio-Signature"])
    sid, media = None, 0
    try:
        async for text in socket:
            message = json.loads(text)
            event = message["event"]
            if event == "start":
                sid = message["streamSid"]
                say("start", json.dumps(message["start"], sort_keys=True))
                await socket.send(json.dumps({"event": "mark", "streamSid": sid,
                                              "mark": {"name": "hello"}}))
            elif event == "media":
                media += 1
                await socket.send(json.dumps({"event": "media", "streamSid": sid, "media":
                                              {"payload": message["media"]["payload"]}}))
            elif event == "mark":
                say("mark", message["mark"]["name"])
            elif event == "dtmf":
                say("dtmf", message["dtmf"]["digit"])
                if message["dtmf"]["digit"] == "9":
                    await socket.close(1000, "enough")
            elif event == "stop":
                say("stop", message["stop"]["callSid"])
    except websockets.ConnectionClosed as end:
        say("broken", end)
    say("media", media)
    say("closed", socket.close_code)


async def main():
    context = None
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
    async with websockets.serve(agent, "127.0.0.1", 0, ssl=context) as server:
        say("port", server.sockets[0].getsockname()[1])
        await asyncio.Future()


asyncio.run(main())
