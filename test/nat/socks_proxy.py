#!/usr/bin/python3
"""socks_proxy.py ADDRESS PORT USER PASSWORD [BYTES]: a SOCKS 5 proxy that lets in who knows these, as far as RFC 1928
and RFC 1929 have CONNECT. A connection that has carried so many bytes in one direction ends."""
import asyncio
import socket
import sys


async def pour(reader, writer):
    carried = 0
    try:
        while carried < most and (some := await reader.read(1 << 16)):
            carried += len(some)
            writer.write(some)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()

most = float(sys.argv[5] if len(sys.argv) > 5 else 'inf')


async def text(reader):
    return (await reader.readexactly((await reader.readexactly(1))[0])).decode()


async def serve(reader, writer):
    try:
        version, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        if version != 5 or 2 not in methods:
            return writer.write(b'\5\xff')
        writer.write(b'\5\2')
        await reader.readexactly(1)
        known = [await text(reader), await text(reader)] == sys.argv[3:5]
        writer.write(b'\1' + (b'\0' if known else b'\1'))
        if not known:
            return None
        kind = (await reader.readexactly(4))[3]
        host = socket.inet_ntoa(await reader.readexactly(4)) if kind == 1 else await text(reader)
        port = int.from_bytes(await reader.readexactly(2), 'big')
        try:
            there = await asyncio.open_connection(host, port)
        except OSError:
            return writer.write(b'\5\5\0\1' + bytes(6))
        writer.write(b'\5\0\0\1' + bytes(6))
        await asyncio.gather(pour(reader, there[1]), pour(there[0], writer))
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    async with await asyncio.start_server(serve, sys.argv[1], int(sys.argv[2])) as server:
        await server.serve_forever()

asyncio.run(main())
