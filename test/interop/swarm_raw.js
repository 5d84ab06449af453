// swarm_raw.js INTEROP_SWARM [MIB]: connections by key between hyperdht and us, in both directions,
// with MIB MiB each way, hashed.
const { check, Child, run, hex } = require('./dht_case')
const createTestnet = require('hyperdht/testnet')
const DHT = require('hyperdht')
const sodium = require('sodium-universal')

const messageBytes = 65536

run(async (executable, mib = '64') => {
  const bytes = Number(mib) * 1024 * 1024
  const testnet = await createTestnet(6)
  const theirs = testnet.createNode()
  const entry = `127.0.0.1:${testnet.bootstrap[0].port}`
  const ours = await start(executable, entry, hex(1))
  const ourKey = DHT.keyPair(Buffer.alloc(32, 1)).publicKey
  const expected = hashOf(bytes)

  ours.child.stdin.write(`send ${bytes}\n`)
  let begin = Date.now()
  const [got, told] = await Promise.all([exchange(theirs.connect(ourKey), bytes), ours.line()])
  report('hyperdht connects to us', bytes, begin)
  check(got === expected, 'hyperdht got what we sent')
  check(told.hash === expected && told.received === bytes, 'we got what hyperdht sent')
  check(told.remote === theirs.defaultKeyPair.publicKey.toString('hex'), 'we know who it was')

  const served = new Promise(resolve => {
    server = theirs.createServer(socket => resolve(exchange(socket, bytes)))
  })
  const pair = DHT.keyPair(Buffer.alloc(32, 2))
  await server.listen(pair)
  begin = Date.now()
  ours.child.stdin.write(`connect ${pair.publicKey.toString('hex')} ${bytes}\n`)
  const [theyGot, weGot] = await Promise.all([served, ours.line()])
  report('we connect to hyperdht', bytes, begin)
  check(theyGot === expected, 'hyperdht got what we sent')
  check(weGot.hash === expected && weGot.received === bytes, 'we got what hyperdht sent')

  const second = await start(executable, entry, hex(3))
  begin = Date.now()
  second.child.stdin.write(`connect ${ourKey.toString('hex')} ${bytes}\n`)
  const [one, two] = await Promise.all([second.line(), ours.line()])
  report('we connect to us', bytes, begin)
  check(one.hash === expected && two.hash === expected, 'both got what was sent')

  second.child.stdin.write(`connect ${hex(9)} 0\n`)
  check((await second.line()).error.includes('public key'), 'a bad key is told')
  second.child.stdin.write(`connect ${DHT.keyPair().publicKey.toString('hex')} 0\n`)
  check((await second.line()).error.includes('not announced'), 'an unknown key is told')

  check(await second.stop() === 0, 'our node ends cleanly')
  check(await ours.stop() === 0, 'and the other')
  await testnet.destroy()
})

let server

async function start (executable, entry, seed) {
  const node = new Child(executable, [entry, '127.0.0.1', seed, 'raw'])
  await node.line()
  return node
}

function report (what, bytes, begin) {
  const seconds = (Date.now() - begin) / 1000
  console.log(`        ${what}: ${(2 * bytes / 1e6 / seconds).toFixed(0)} MB/s both ways together`)
}

function message () {
  const buffer = Buffer.alloc(messageBytes)
  for (let i = 0; i < buffer.length; i++) buffer[i] = (i * 31) >> 3
  return buffer
}

function hashOf (bytes) {
  const state = Buffer.alloc(sodium.crypto_generichash_STATEBYTES)
  sodium.crypto_generichash_init(state, null, 32)
  const whole = message()
  for (let left = bytes; left > 0; left -= messageBytes) {
    sodium.crypto_generichash_update(state, whole.subarray(0, Math.min(left, messageBytes)))
  }
  const hash = Buffer.alloc(32)
  sodium.crypto_generichash_final(state, hash)
  return hash.toString('hex')
}

// Sends `bytes`, reads to the end, and returns the hash of what came.
async function exchange (socket, bytes) {
  const state = Buffer.alloc(sodium.crypto_generichash_STATEBYTES)
  sodium.crypto_generichash_init(state, null, 32)
  socket.on('data', data => sodium.crypto_generichash_update(state, data))
  const ended = new Promise((resolve, reject) => {
    socket.once('end', resolve)
    socket.once('error', reject)
  })
  const whole = message()
  for (let left = bytes; left > 0; left -= messageBytes) {
    if (!socket.write(whole.subarray(0, Math.min(left, messageBytes)))) {
      await new Promise(resolve => socket.once('drain', resolve))
    }
  }
  socket.end()
  await ended
  const hash = Buffer.alloc(32)
  sodium.crypto_generichash_final(state, hash)
  return hash.toString('hex')
}
