// A kp2p node in JavaScript, written from proto/PROTOCOL.md alone: joins channels, finds, downloads
// and provides files. It keeps few of section 7's limits, and holds files in memory.
const c = require('compact-encoding')
const DHT = require('hyperdht')
const Hyperswarm = require('hyperswarm')
const Protomux = require('protomux')
const { Download } = require('./download')
const { Searches } = require('./search')
const { linksOf } = require('./sha1')
const { SharedFile, Transfer } = require('./transfer')
const wire = require('./wire')

const PROOF_TIMEOUT_MS = 10000
const SEARCH_AGAIN_MS = 1000

// A connection to another node and the kp2p channels proven on it.
class Neighbour {
  constructor (peer, socket) {
    this.peer = peer
    this.socket = socket
    this.mux = Protomux.from(socket)
    this.nodeId = socket.remotePublicKey
    this.name = this.nodeId.toString('hex').slice(0, 8)
    this.provenLookups = 0
    this.transfer = null
    this.onrefused = () => {} // a lookup channel closed without having been proven
    this.proven = new Promise(resolve => { this.prove = resolve })
    const timer = setTimeout(() => this.destroy(new Error('no channel in common')), PROOF_TIMEOUT_MS)
    this.proven.then(() => clearTimeout(timer))
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(timer)
      peer.neighbours.delete(this)
    })
    this.mux.pair({ protocol: wire.LOOKUP }, id => {
      const channel = peer.channels.find(channel => this.lookupId(channel).equals(id))
      if (channel) this.openLookup(channel)
    })
    this.mux.pair({ protocol: wire.TRANSFER }, async () => {
      await this.proven
      if (this.transfer === null) this.openTransfer()
    })
    for (const channel of peer.channels) this.openLookup(channel)
  }

  lookupId (channel) {
    return wire.lookupId(channel.key, this.socket.handshakeHash)
  }

  openLookup (channel) {
    const { handshakeHash, isInitiator } = this.socket
    const searches = channel.searches
    const lookup = { neighbour: this, send: null, isProven: false }
    const expected = wire.proof(channel.key, handshakeHash, !isInitiator)
    const muxed = this.mux.createChannel({
      protocol: wire.LOOKUP,
      id: this.lookupId(channel),
      handshake: c.raw,
      onopen: handshake => {
        if (!handshake || !expected.equals(handshake)) return muxed.close()
        lookup.isProven = true
        this.provenLookups++
        this.prove()
        searches.add(lookup)
        this.peer.onproven(this)
      },
      onclose: () => {
        if (lookup.isProven) this.provenLookups--
        else this.onrefused()
        lookup.isProven = false
        searches.remove(lookup)
      }
    })
    if (muxed === null) return
    const ifProven = handle => m => { if (lookup.isProven) handle(m) }
    lookup.send = wire.addMessages(muxed, wire.lookupMessages, {
      seeking: ifProven(m => searches.seeking(lookup, m)),
      providing: ifProven(m => searches.providing(lookup, m)),
      lacking: ifProven(m => searches.lacking(lookup, m))
    })
    muxed.open(wire.proof(channel.key, handshakeHash, isInitiator))
  }

  openTransfer () {
    const find = sha1 => this.provenLookups > 0 ? this.peer.files.get(sha1) : undefined
    this.transfer ??= new Transfer(this.mux, find, () => { this.transfer = null })
    return this.transfer
  }

  destroy (error) {
    this.socket.destroy(error)
  }
}

class Peer {
  // `bootstrap`: [{ host, port }]. The functions that start with `on` may be replaced.
  constructor ({ bootstrap, host = '127.0.0.1', channels = [] }) {
    // Nothing is behind a firewall on loopback. Said aloud, because hyperdht's hole punching, which
    // judges by samples, now and then gives up there after its shortcut has connected already.
    const firewalled = host !== '127.0.0.1'
    this.swarm = new Hyperswarm({ dht: new DHT({ bootstrap, host, firewalled }) })
    this.nodeId = this.swarm.keyPair.publicKey
    this.files = new Map() // SharedFile by hexadecimal SHA-1
    this.channels = []
    this.neighbours = new Set()
    this.onneighbour = () => {} // a connection
    this.onproven = () => {} // a neighbour is in one of our channels
    this.onprovider = () => {} // the id of a node that claims to have what is being loaded
    for (const name of channels) {
      const key = wire.channelKey(name)
      this.channels.push({ name, key, topic: wire.topic(key), searches: new Searches(this.nodeId, this.files) })
    }
    this.swarm.on('connection', socket => {
      const neighbour = new Neighbour(this, socket)
      this.neighbours.add(neighbour)
      this.onneighbour(neighbour)
    })
  }

  // Listens without announcing: others need the node id.
  listen () {
    return this.swarm.listen()
  }

  // Announces and looks up the topics; resolves once announced.
  async join () {
    await Promise.all(this.channels.map(channel => this.swarm.join(channel.topic).flushed()))
  }

  // `offered`: a Set of the chunks to give, or null for all.
  provide (bytes, offered = null) {
    const { sha1, links } = linksOf(bytes)
    return this.share(new SharedFile(bytes, sha1, links, offered))
  }

  share (file) {
    this.files.set(file.sha1.toString('hex'), file)
    return file
  }

  // Offers one more chunk of a file that is provided in part.
  offer (file, index) {
    file.offered.add(index)
    for (const neighbour of this.neighbours) neighbour.transfer?.announce(file, index)
  }

  // The verified bytes of a file; throws with the reasons when `timeoutMs` have passed.
  async load (file, timeoutMs) {
    const download = new Download(file)
    const providers = new Set()
    const onproven = this.onproven
    const consider = neighbour => {
      if (providers.has(neighbour.nodeId.toString('hex'))) neighbour.proven.then(() => download.add(neighbour))
    }
    const found = m => {
      const id = m.node.toString('hex')
      if (m.node.equals(this.nodeId) || providers.has(id)) return
      providers.add(id)
      this.onprovider(m.node)
      this.swarm.joinPeer(Buffer.from(m.node))
      for (const neighbour of this.neighbours) consider(neighbour)
    }
    this.onproven = consider
    const searchAll = () => this.channels.map(({ searches }) => ({ searches, search: searches.start(file, found) }))
    const stopAll = all => all.forEach(({ searches, search }) => searches.stop(search))
    let running = searchAll()
    const again = setInterval(() => {
      stopAll(running)
      running = searchAll()
    }, SEARCH_AGAIN_MS)
    let timer
    try {
      const timeout = new Promise((resolve, reject) => {
        timer = setTimeout(() => reject(new Error(this.whyNot(providers, download))), timeoutMs)
      })
      return await Promise.race([download.finished, timeout])
    } finally {
      clearTimeout(timer)
      clearInterval(again)
      stopAll(running)
      download.stop()
      this.onproven = onproven
    }
  }

  whyNot (providers, download) {
    const proven = this.channels.reduce((sum, channel) => sum + channel.searches.lookups.size, 0)
    return `not loaded in time: ${this.neighbours.size} connections, ${proven} channels proven, ` +
      `${providers.size} providers found; ` + (download.reasons.join('; ') || 'no provider failed')
  }

  async destroy () {
    for (const channel of this.channels) channel.searches.close()
    await this.swarm.destroy()
  }
}

module.exports = { Peer }
