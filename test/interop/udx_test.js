// udx_test.js UDX_PEER: streams between our UDX and udx-native over loopback: bytes both ways,
// hashed equal, and an orderly close on both sides; the same through a proxy that loses packets, and
// through one that moves to another port as a NAT may; a destroy in each direction.
const { spawn } = require('child_process')
const crypto = require('crypto')
const dgram = require('dgram')
const UDX = require('udx-native')

const executable = process.argv[2]
const MIB = 1 << 20

function check (condition, what) {
  if (condition) return
  console.error('FAILED: ' + what)
  process.exit(1)
}

// Our end: lines of its output as they come.
function startPeer (args) {
  const child = spawn(executable, args.map(String), { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = []
  const waiting = []
  let rest = ''
  child.stdout.on('data', (data) => {
    rest += data
    for (let at; (at = rest.indexOf('\n')) >= 0; rest = rest.slice(at + 1)) {
      lines.push(rest.slice(0, at))
      for (const wake of waiting.splice(0)) wake()
    }
  })
  const exited = new Promise((resolve) => child.on('exit', resolve))
  return {
    async line (start) {
      for (;;) {
        const found = lines.find((line) => line.startsWith(start + ' '))
        if (found) return found.split(' ').slice(1)
        await new Promise((resolve) => waiting.push(resolve))
      }
    },
    // Lets it go: our end of the stream is closed.
    end () {
      child.stdin.end()
      return exited
    }
  }
}

// Two sockets, one facing each end; each datagram is dropped with the given probability.
async function startProxy (loss, a) {
  const sockets = [dgram.createSocket('udp4'), dgram.createSocket('udp4')]
  const targets = [a, null] // where a datagram that leaves through socket i goes
  let seed = 12345
  const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648
  const bind = (socket, i) => {
    socket.on('message', (data) => {
      if (random() >= loss && targets[1 - i]) sockets[1 - i].send(data, targets[1 - i], '127.0.0.1')
    })
    return new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve))
  }
  for (const i of [0, 1]) await bind(sockets[i], i)
  return {
    ports: sockets.map((socket) => socket.address().port), // [facing a, facing b]
    setB (port) { targets[1] = port },
    loseNothing () { loss = 0 },
    // The end b sees packets from another port, and nothing reaches a through the old one.
    async rebind () {
      const fresh = dgram.createSocket('udp4')
      await bind(fresh, 1)
      const old = sockets[1]
      sockets[1] = fresh
      old.close()
    },
    close () { for (const socket of sockets) socket.close() }
  }
}

async function transfer (name, bytes, loss, rebinds = false) {
  const udx = new UDX()
  const socket = udx.createSocket()
  socket.bind(0, '127.0.0.1')
  const id = crypto.randomBytes(4).readUInt32LE()
  const stream = udx.createStream(id)
  const proxy = loss || rebinds ? await startProxy(loss, socket.address().port) : null
  const start = Date.now()
  const peer = startPeer([proxy ? proxy.ports[1] : socket.address().port, id, bytes])
  const [port, , remoteId] = await peer.line('port')
  if (proxy) proxy.setB(Number(port))
  stream.connect(socket, Number(remoteId), proxy ? proxy.ports[0] : Number(port), '127.0.0.1')

  const received = crypto.createHash('blake2b512')
  let size = 0
  stream.on('data', (data) => {
    received.update(data)
    size += data.length
    if (!rebinds || size < bytes / 4) return
    rebinds = false
    proxy.rebind()
  })
  const ended = new Promise((resolve) => stream.on('end', () => {
    // udx-native acknowledges our end once, and may be gone when it is asked again.
    if (proxy) proxy.loseNothing()
    resolve()
  }))
  let error = null
  stream.on('error', (e) => { error = e })
  const closed = new Promise((resolve) => stream.on('close', resolve))

  const sent = crypto.createHash('blake2b512')
  for (let at = 0; at < bytes;) {
    const data = crypto.randomBytes(Math.min(65536 + 7, bytes - at))
    sent.update(data)
    at += data.length
    if (!stream.write(data)) await new Promise((resolve) => stream.once('drain', resolve))
  }
  stream.end()
  await ended
  await closed
  const seconds = (Date.now() - start) / 1000
  check(error === null, name + ': the JavaScript side reports ' + error)
  check(size === bytes, name + ': received ' + size + ' of ' + bytes)
  const [theirSent, status] = await peer.line('sent')
  const [theirReceived] = await peer.line('received')
  check(status === 'ok', name + ': our end finished with ' + status)
  check(theirSent === received.digest('hex'), name + ': bytes to JavaScript differ')
  check(theirReceived === sent.digest('hex'), name + ': bytes from JavaScript differ')
  const exited = peer.end()
  check((await peer.line('closed'))[0] === 'ended', name + ': our end did not close in order')
  await exited
  await socket.close()
  if (proxy) proxy.close()
  console.log(`${name}: ${bytes} bytes each way in ${seconds.toFixed(1)} s`)
}

async function destroyed (byUs) {
  const name = byUs ? 'destroy by us' : 'destroy by JavaScript'
  const udx = new UDX()
  const socket = udx.createSocket()
  socket.bind(0, '127.0.0.1')
  const stream = udx.createStream(4711)
  const peer = startPeer([socket.address().port, 4711, 1000].concat(byUs ? ['destroy'] : []))
  const [port, , remoteId] = await peer.line('port')
  let error = null
  stream.on('error', (e) => { error = e })
  stream.on('data', () => { if (!byUs) stream.destroy() })
  const closed = new Promise((resolve) => stream.on('close', resolve))
  stream.connect(socket, Number(remoteId), Number(port), '127.0.0.1')
  stream.write(Buffer.from('hello'))
  await closed
  if (byUs) check(error && error.code === 'ECONNRESET', name + ': JavaScript saw ' + error)
  const failed = await peer.line('failed')
  if (!byUs) check(failed.join(' ').includes('reset'), name + ': we saw ' + failed.join(' '))
  await peer.end()
  await socket.close()
  console.log(name + ': seen')
}

setTimeout(() => check(false, 'time ran out'), 100000).unref()

async function main () {
  await transfer('64 MiB', 64 * MIB, 0)
  await transfer('nothing', 0, 0)
  await transfer('one byte', 1, 0)
  await transfer('2 % lost', 4 * MIB, 0.02)
  await transfer('10 % lost', MIB, 0.1)
  await transfer('another port', 32 * MIB, 0, true)
  await transfer('another port, 2 % lost', 16 * MIB, 0.02, true)
  await destroyed(true)
  await destroyed(false)
}

main().then(() => process.exit(0), (error) => {
  console.error(error)
  process.exit(1)
})
