// dht_theirs_in_ours.js KP2P_BOOTSTRAP INTEROP_DHT: hyperdht nodes whose whole DHT is ours: first
// one kp2p-bootstrap alone, then with a few more of our nodes, enough to classify NATs by.
const { check, Child, Ours, run, topic } = require('./dht_case')
const DHT = require('hyperdht')

run(async (bootstrapCommand, interopDht) => {
  const bootstrap = new Child(bootstrapCommand, ['--host', '127.0.0.1', '--port', '0', '--json', '--quiet'])
  const { event, address } = await bootstrap.line()
  check(event === 'ready', 'kp2p-bootstrap says where it is')
  const entry = { host: '127.0.0.1', port: Number(address.split(':')[1]) }

  const a = await ephemeral(entry)
  const b = await ephemeral(entry)
  const pair = DHT.keyPair()
  const name = Buffer.from(topic(1), 'hex')
  await a.announce(name, pair, [{ host: '10.1.2.3', port: 45 }]).finished()
  const found = await collect(b.lookup(name))
  check(found.some(p => p.publicKey.equals(pair.publicKey)), 'an announce is found')
  await a.unannounce(name, pair)
  check((await collect(b.lookup(name))).length === 0, 'and not after it was taken back')

  const { hash } = await a.immutablePut(Buffer.from('hello'))
  check((await b.immutableGet(hash)).value.toString() === 'hello', 'an immutable record comes back')
  await a.mutablePut(pair, Buffer.from('one'), { seq: 1 })
  await a.mutablePut(pair, Buffer.from('two'), { seq: 2 })
  const record = await b.mutableGet(pair.publicKey)
  check(record.seq === 2 && record.value.toString() === 'two', 'the newest mutable record comes back')
  await a.mutablePut(pair, Buffer.from('odd'), { seq: 2 })
  check((await b.mutableGet(pair.publicKey)).value.toString() === 'two', 'a reused sequence number changes nothing')

  await echo(a, b, {}, 'two of them connect through one of ours')

  const more = []
  for (let i = 0; i < 4; i++) more.push(await Ours.start(interopDht, address, 'persistent'))
  const status = await more[3].do('status')
  check(status.persistent && !status.firewalled, 'our persistent node knows its address')
  const c = await ephemeral(entry, '127.0.0.2')
  const d = await ephemeral(entry, '127.0.0.3')
  check((await collectReplies(d.findPeer((await listening(c)).publicKey))).length >= 3,
    'a server announces itself at several of ours')
  await echo(c, d, { localConnection: false }, 'two of them punch holes through ours')

  const e = await persistent(entry)
  await a.immutablePut(Buffer.from('again'))
  check(e.ephemeral === false, 'a hyperdht node becomes persistent among ours')
  const node = await more[0].do('status')
  check(node.nodes >= 5, 'and ours take it into their tables')

  for (const dht of [a, b, c, d, e]) await dht.destroy({ force: true })
  for (const ours of more) check(await ours.stop() === 0, 'a node of ours ends cleanly')
  check(await bootstrap.signal('SIGTERM') === 0, 'kp2p-bootstrap ends cleanly')
})

async function ephemeral (entry, host = '127.0.0.1') {
  const dht = new DHT({ bootstrap: [entry], host, ephemeral: true })
  await dht.fullyBootstrapped()
  return dht
}

async function persistent (entry) {
  const dht = new DHT({ bootstrap: [entry], host: '127.0.0.1', ephemeral: false, firewalled: false })
  await dht.fullyBootstrapped()
  return dht
}

async function listening (dht) {
  const server = dht.createServer()
  await server.listen(DHT.keyPair())
  return server
}

async function echo (from, to, options, what) {
  const server = from.createServer({ shareLocalAddress: options.localConnection !== false }, socket => {
    socket.on('error', () => {})
    socket.pipe(socket)
  })
  await server.listen(DHT.keyPair())
  const socket = to.connect(server.publicKey, options)
  socket.write('ping')
  const data = await new Promise(resolve => {
    socket.once('data', resolve)
    socket.once('error', error => resolve(Buffer.from(String(error))))
  })
  check(data.toString() === 'ping', what + (data.toString() === 'ping' ? '' : ': ' + data))
  socket.destroy()
  await server.close()
}

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
