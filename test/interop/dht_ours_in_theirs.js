// dht_ours_in_theirs.js INTEROP_DHT: a node of ours in a network of hyperdht nodes: what it
// announces and stores they find, and the other way around.
const { check, Ours, run, topic, hex } = require('./dht_case')
const createTestnet = require('hyperdht/testnet')
const DHT = require('hyperdht')

run(async (executable) => {
  const testnet = await createTestnet(6)
  const theirs = testnet.createNode()
  const ours = await Ours.start(executable, `127.0.0.1:${testnet.bootstrap[0].port}`)

  const pair = DHT.keyPair(Buffer.alloc(32, 1))
  await ours.do(`announce ${topic(1)} ${hex(1)} 10.1.2.3:45`)
  const found = await theirs.lookup(Buffer.from(topic(1), 'hex')).finished()
    .then(() => collect(theirs.lookup(Buffer.from(topic(1), 'hex'))))
  check(found.some(p => p.publicKey.equals(pair.publicKey) && p.relayAddresses[0].port === 45),
    'hyperdht finds our announce')
  await ours.do(`unannounce ${topic(1)} ${hex(1)}`)
  const left = await collect(theirs.lookup(Buffer.from(topic(1), 'hex')))
  check(left.length === 0, 'hyperdht no longer finds what we took back')

  const other = DHT.keyPair(Buffer.alloc(32, 2))
  await theirs.announce(Buffer.from(topic(2), 'hex'), other, [{ host: '10.9.8.7', port: 65 }])
    .finished()
  const looked = await ours.do(`lookup ${topic(2)}`)
  check(looked.found.some(p => p.key === other.publicKey.toString('hex') && p.relay === '10.9.8.7:65'),
    'we find the announce of hyperdht')

  const put = await ours.do('immutable_put 68656c6c6f')
  const got = await theirs.immutableGet(Buffer.from(put.target, 'hex'))
  check(got.value.toString() === 'hello', 'hyperdht reads our immutable record')
  const { hash } = await theirs.immutablePut(Buffer.from('servus'))
  const read = await ours.do(`immutable_get ${hash.toString('hex')}`)
  check(read.value === Buffer.from('servus').toString('hex'), 'we read an immutable record of hyperdht')

  await ours.do(`mutable_put ${hex(1)} 5 6f6e65`)
  const mutable = await theirs.mutableGet(pair.publicKey)
  check(mutable.seq === 5 && mutable.value.toString() === 'one', 'hyperdht reads our mutable record')
  await theirs.mutablePut(other, Buffer.from('two'), { seq: 7 })
  const record = await ours.do(`mutable_get ${other.publicKey.toString('hex')}`)
  check(record.seq === 7 && record.value === Buffer.from('two').toString('hex'),
    'we read a mutable record of hyperdht')

  const server = testnet.createNode().createServer()
  await server.listen(other)
  const relays = await ours.do(`find_peer ${other.publicKey.toString('hex')}`)
  check(relays.relays.length > 0, 'we find a listening hyperdht server')

  const listening = await ours.do(`listen ${hex(1)}`)
  check(listening.relays.length === 3, 'hyperdht nodes relay for our server')
  const nodes = await collectReplies(theirs.findPeer(pair.publicKey))
  check(nodes.length >= 3, 'hyperdht finds our listening server')
  const second = await Ours.start(executable, `localhost:${testnet.bootstrap[0].port}`)
  check((await second.do('status')).nodes > 0, 'a bootstrap node is found by its name')
  const key = pair.publicKey.toString('hex')
  const answer = await second.do(`handshake ${key} ${listening.relays[0]} abcd`)
  check(answer.noise === 'abcd21' && answer.relayed, 'a hyperdht node relays our handshake')

  const third = await Ours.start(executable, `127.0.0.1@nowhere.invalid:${testnet.bootstrap[0].port}`)
  check((await third.do('status')).nodes > 0, 'or by the address that is suggested beside it')

  await third.stop()
  await second.stop()
  await ours.stop()
  await testnet.destroy()
})

async function collect (query) {
  const peers = []
  for await (const reply of query) peers.push(...reply.peers)
  return peers
}

async function collectReplies (query) {
  const replies = []
  for await (const reply of query) if (reply.peer) replies.push(reply)
  return replies
}
