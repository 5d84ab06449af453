// A kp2p node in JavaScript as a program, for tests from outside; kp2p/peer.js is the node.
//   kp2p_peer.js get   BOOTSTRAP CHANNEL SHA1 OUT [SECONDS]  finds, downloads and verifies a file
//   kp2p_peer.js keep  BOOTSTRAP CHANNEL SHA1 OUT [SECONDS]  as get, and stays until its stdin closes
//   kp2p_peer.js give  BOOTSTRAP CHANNEL FILE [LIE]          provides FILE until its stdin closes
//   kp2p_peer.js withhold BOOTSTRAP CHANNEL FILE CHUNK       provides all but CHUNK, and that too
//                                                            once a line has come on its stdin
//   kp2p_peer.js knock BOOTSTRAP CHANNEL SHA1 OUT [SECONDS]  sees the topic, does not know the name
// BOOTSTRAP is HOST:PORT[,HOST:PORT]; KP2P_PEER_HOST the address to bind, instead of 127.0.0.1. Prints one JSON object per event, the last one `result` or
// `error`; exit status 1 on error. LIE is one of: byte (alters one byte of chunk 0), last (one of
// the last chunk), link (a wrong link before the last chunk), size (claims one byte more), stall
// (never answers a get), garbage (messages that cannot be read).
const crypto = require('crypto')
const fs = require('fs')
const { Peer } = require('./kp2p/peer')
const { CHUNK_BYTES, chunkCount, linksOf } = require('./kp2p/sha1')
const { SharedFile } = require('./kp2p/transfer')

const DEFAULT_SECONDS = 20
const LIES = ['', 'byte', 'last', 'link', 'size', 'stall', 'garbage']

function tell (event, fields = {}) {
  console.log(JSON.stringify({ event, ...fields }))
}

class LyingFile extends SharedFile {
  constructor (bytes, lie) {
    if (!LIES.includes(lie)) throw new Error('no such lie: ' + lie)
    const { sha1, links } = linksOf(bytes)
    super(Buffer.from(bytes), sha1, links)
    this.lie = lie
    const last = links.length - 1
    const inLast = (last * CHUNK_BYTES + bytes.length) >> 1
    const inFirst = Math.min(CHUNK_BYTES, bytes.length) >> 1
    if (lie === 'byte') this.bytes[inFirst] ^= 1
    if (lie === 'last') this.bytes[inLast] ^= 1
    if (lie === 'link') (links[last] = Buffer.from(links[last]))[7] ^= 1
  }

  get size () {
    return this.bytes.length + (this.lie === 'size' ? 1 : 0)
  }

  give (transfer, m) {
    tell('get', { index: m.index })
    if (this.lie === 'stall') return
    if (this.lie === 'garbage') return transfer.channel.messages[3].send(Buffer.alloc(9, 0xff))
    super.give(transfer, m)
  }
}

function parseNodes (text) {
  return text.split(',').map(node => {
    const [, host, port] = /^(.+):(\d+)$/.exec(node) || []
    if (!port) throw new Error('not HOST:PORT: ' + node)
    return { host, port: Number(port) }
  })
}

async function join (peer) {
  peer.onneighbour = ({ nodeId }) => tell('connection', { node: nodeId.toString('hex') })
  await peer.join()
  tell('joined', { node: peer.nodeId.toString('hex') })
}

async function give (peer, path, lie = '') {
  peer.share(new LyingFile(fs.readFileSync(path), lie))
  await join(peer)
  await new Promise(resolve => process.stdin.resume().on('end', resolve))
}

async function get (peer, sha1, out, seconds = DEFAULT_SECONDS) {
  peer.onprovider = id => tell('provider', { node: id.toString('hex') })
  join(peer).catch(() => {})
  const bytes = await peer.load(Buffer.from(sha1, 'hex'), Number(seconds) * 1000)
  fs.writeFileSync(out + '.partial', bytes)
  fs.renameSync(out + '.partial', out)
  tell('result', { bytes: bytes.length })
}

async function keep (peer, ...rest) {
  const told = new Promise(resolve => process.stdin.resume().on('end', resolve))
  await get(peer, ...rest)
  await told
}

async function withhold (peer, path, chunk) {
  const index = Number(chunk)
  const bytes = fs.readFileSync(path)
  const others = [...Array(chunkCount(bytes.length)).keys()].filter(each => each !== index)
  const file = peer.provide(bytes, new Set(others))
  process.stdin.once('data', () => peer.offer(file, index))
  await join(peer)
  await new Promise(resolve => process.stdin.resume().on('end', resolve))
}

// Tries to be let in all the same: with a key of its own, and by asking at once.
async function knock (peer, sha1, out, seconds) {
  peer.channels[0].key = crypto.randomBytes(32)
  const loading = get(peer, sha1, out, seconds)
  const { onneighbour } = peer
  peer.onneighbour = neighbour => {
    onneighbour(neighbour)
    const transfer = neighbour.openTransfer()
    transfer.send.open({ id: 1, file: Buffer.from(sha1, 'hex') })
    transfer.opened = m => tell('opened', { size: m.size })
    transfer.channel.fullyOpened().then(isOpen => tell('transfer', { open: isOpen }))
    neighbour.onrefused = () => tell('unproven')
    neighbour.socket.on('close', () => tell('closed'))
  }
  await loading
}

async function main ([job, bootstrap, channel, ...rest]) {
  const work = { give, withhold, get, keep, knock }[job]
  if (!work || rest.length === 0) throw new Error('usage: kp2p_peer.js get|keep|give|withhold|knock BOOTSTRAP CHANNEL ...')
  const host = process.env.KP2P_PEER_HOST
  const peer = new Peer({ bootstrap: parseNodes(bootstrap), host, channels: [channel] })
  await work(peer, ...rest)
  await peer.destroy()
  process.exit(0)
}

main(process.argv.slice(2)).catch(error => {
  tell('error', { message: error.message })
  process.exit(1)
})
