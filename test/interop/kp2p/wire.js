// Secrets and messages of proto/PROTOCOL.md, sections 2, 4 and 5. Codecs are compact encodings whose
// messages are plain objects; decoding ignores trailing bytes and throws on what cannot be read.
const c = require('compact-encoding')
const sodium = require('sodium-universal')

const LOOKUP = 'kp2p/lookup/1'
const TRANSFER = 'kp2p/transfer/1'
const PIECE_BYTES = 65536
const REFUSAL = { notFound: 1, tooMany: 2, notAvailable: 3, notOffered: 4 }

function hash (key, ...parts) {
  const out = Buffer.alloc(32)
  sodium.crypto_generichash(out, Buffer.concat(parts), key)
  return out
}

function channelKey (name) {
  const password = Buffer.from(name)
  if (password.length < 1 || password.length > 200) throw new Error('a channel name has 1 to 200 bytes')
  if (/\p{Cc}/u.test(name)) throw new Error('a channel name has no control characters')
  const out = Buffer.alloc(32)
  sodium.crypto_pwhash(out, password, Buffer.from('kp2p channel key'),
    sodium.crypto_pwhash_OPSLIMIT_INTERACTIVE, sodium.crypto_pwhash_MEMLIMIT_INTERACTIVE,
    sodium.crypto_pwhash_ALG_ARGON2ID13)
  return out
}

function topic (key) {
  return hash(key, Buffer.from('kp2p topic'))
}

function lookupId (key, handshakeHash) {
  return hash(key, Buffer.from('kp2p lookup'), handshakeHash)
}

// The proof that the initiator (or else the responder) sends.
function proof (key, handshakeHash, isInitiator) {
  return hash(key, Buffer.from('kp2p member'), handshakeHash, Buffer.from([isInitiator ? 0 : 1]))
}

function struct (fields) {
  const all = Object.entries(fields)
  return {
    preencode (state, m) {
      for (const [name, encoding] of all) encoding.preencode(state, m[name])
    },
    encode (state, m) {
      for (const [name, encoding] of all) encoding.encode(state, m[name])
    },
    decode (state) {
      const m = {}
      for (const [name, encoding] of all) m[name] = encoding.decode(state)
      return m
    }
  }
}

// A uint that a JavaScript number holds exactly.
const uint = {
  ...c.uint,
  decode (state) {
    const n = c.uint.decode(state)
    if (!Number.isSafeInteger(n)) throw new Error('number too large')
    return n
  }
}

const seeking = struct({ request: c.fixed(16), file: c.fixed(20), hops: c.uint8 })
const providing = struct({
  request: c.fixed(16), file: c.fixed(20), size: uint, node: c.fixed(32), flags: c.uint8
})
const lacking = struct({ request: c.fixed(16) })

const ofFile = struct({ id: uint })
const ofChunk = struct({ id: uint, index: uint })
const open = struct({ id: uint, file: c.fixed(20) })
const refused = struct({ id: uint, code: uint })

// `have` is null when the provider has all chunks, else a Buffer of bits.
const openedHead = struct({ id: uint, size: uint, flags: c.uint8 })
const opened = {
  preencode (state, m) {
    openedHead.preencode(state, m)
    if (m.have) c.buffer.preencode(state, m.have)
  },
  encode (state, m) {
    openedHead.encode(state, { flags: m.have ? 0 : 1, ...m })
    if (m.have) c.buffer.encode(state, m.have)
  },
  decode (state) {
    const m = openedHead.decode(state)
    m.have = m.flags & 1 ? null : (c.buffer.decode(state) || Buffer.alloc(0))
    return m
  }
}

// `link` is null in the pieces after the first.
const dataHead = struct({ id: uint, index: uint, offset: uint, encoding: c.uint8 })
const link = c.fixed(20)
const data = {
  preencode (state, m) {
    dataHead.preencode(state, m)
    if (m.offset === 0) link.preencode(state, m.link)
    c.raw.preencode(state, m.bytes)
  },
  encode (state, m) {
    dataHead.encode(state, m)
    if (m.offset === 0) link.encode(state, m.link)
    c.raw.encode(state, m.bytes)
  },
  decode (state) {
    const m = dataHead.decode(state)
    m.link = m.offset === 0 ? link.decode(state) : null
    m.bytes = state.buffer.subarray(state.start, state.end)
    state.start = state.end
    return m
  }
}

const getFiles = struct({ id: uint, files: c.array(c.fixed(20)) })
const wholeFileHead = struct({ id: uint, number: uint, size: uint })
const wholeFile = {
  preencode (state, m) {
    wholeFileHead.preencode(state, m)
    if (m.size === 0) return
    c.uint8.preencode(state, m.encoding)
    c.raw.preencode(state, m.bytes)
  },
  encode (state, m) {
    wholeFileHead.encode(state, m)
    if (m.size === 0) return
    c.uint8.encode(state, m.encoding)
    c.raw.encode(state, m.bytes)
  },
  decode (state) {
    const m = wholeFileHead.decode(state)
    if (m.size === 0) return m
    m.encoding = c.uint8.decode(state)
    m.bytes = state.buffer.subarray(state.start, state.end)
    state.start = state.end
    return m
  }
}

// This peer sends none of them, and ignores them as it does every type that is not below.
const wantLast = ofFile
const unproven = ofChunk

// By message type.
const lookupMessages = { seeking, providing, lacking }
const transferMessages = {
  open,
  opened,
  get: ofChunk,
  data,
  have: ofChunk,
  cancel: ofChunk,
  canceled: ofChunk,
  refused,
  close: ofFile,
  preparing: ofFile
}

// Gives the Protomux channel the messages of a table; returns an object of functions that send them.
// `on` has a handler for each that it minds. A message that cannot be read closes the channel.
function addMessages (channel, table, on) {
  const send = {}
  for (const [name, encoding] of Object.entries(table)) {
    const message = channel.addMessage({
      encoding: c.raw,
      onmessage (bytes) {
        let m
        try {
          m = c.decode(encoding, bytes || Buffer.alloc(0))
        } catch {
          return channel.close()
        }
        on[name]?.(m)
      }
    })
    send[name] = m => message.send(c.encode(encoding, m))
  }
  return send
}

module.exports = {
  LOOKUP, TRANSFER, PIECE_BYTES, REFUSAL, channelKey, topic, lookupId, proof,
  lookupMessages, transferMessages, wantLast, unproven, getFiles, wholeFile, addMessages
}
