// A kp2p daemon of ours in a network of its own, for tests written with kp2p/peer.js. The paths of
// kp2p-bootstrap, kp2p-start-daemon, kp2p-store and kp2p-load are the program's arguments. All that
// was started is ended when the tests are.
const assert = require('assert').strict
const { execFile, spawn } = require('child_process')
const crypto = require('crypto')
const fs = require('fs')
const os = require('os')
const path = require('path')
const { promisify } = require('util')
const { Peer } = require('./peer')

const [bootstrapPath, daemonPath, storePath, loadPath] = process.argv.slice(2)
const CHANNEL = 'interop lab'
const READY_MS = 20000
const LOAD_MS = 30000

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'kp2p-interop-'))
const environment = {
  PATH: process.env.PATH,
  HOME: dir,
  KACHERY_P2P_CONFIG_DIR: path.join(dir, 'config'),
  KACHERY_STORAGE_DIR: path.join(dir, 'storage')
}
const programs = []

function soon (promise, ms, what) {
  let timer
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

// Starts a program; resolves, once it prints a line that `ready` matches, to the match.
function start (file, args, ready) {
  const child = spawn(file, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  const program = { child, words: '', ended: new Promise(resolve => child.on('close', resolve)) }
  programs.push(program)
  const match = new Promise((resolve, reject) => {
    const hear = text => {
      program.words += text
      const found = ready.exec(program.words)
      if (found) resolve(found)
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.on('error', reject)
    program.ended.then(status => reject(new Error(`${file} ended with ${status}: ${program.words}`)))
  })
  return soon(match, READY_MS, file + ' is ready')
}

async function endAll () {
  for (const { child } of programs) child.kill('SIGTERM')
  const slow = setTimeout(() => programs.forEach(({ child }) => child.kill('SIGKILL')), 5000)
  await Promise.all(programs.map(program => program.ended))
  clearTimeout(slow)
  fs.rmSync(dir, { recursive: true, force: true })
}

async function command (file, ...args) {
  const { stdout } = await promisify(execFile)(file, args, { env: environment, timeout: LOAD_MS })
  return stdout.trim()
}

function sha1Of (bytes) {
  return crypto.createHash('sha1').update(bytes).digest()
}

async function store (bytes) {
  const file = path.join(dir, 'file-' + sha1Of(bytes).toString('hex'))
  fs.writeFileSync(file, bytes)
  assert((await command(storePath, '--bare', file)).startsWith('sha1://' + sha1Of(bytes).toString('hex')))
  return sha1Of(bytes)
}

async function load (file) {
  return fs.readFileSync(await command(loadPath, `sha1://${file.toString('hex')}/x`))
}

// Runs each of `tests` with { peer, bootstrap, keep }: peer() makes a node in the daemon's channel,
// keep(it) has anything else ended after the test by its destroy().
async function runTests (tests) {
  for (const name of ['config', 'storage']) fs.mkdirSync(path.join(dir, name))
  const address = await start(bootstrapPath, ['--host', '127.0.0.1', '--port', '0'], /127\.0\.0\.1:([1-9]\d*)/)
  const bootstrap = [{ host: '127.0.0.1', port: Number(address[1]) }]
  await start(daemonPath, ['--channel', CHANNEL, '--bootstrap', address[0], '--host', '127.0.0.1', '--port', '0',
    '--api-port', '0'], /ready/)
  const kept = []
  const keep = each => {
    kept.push(each)
    return each
  }
  const peer = () => keep(new Peer({ bootstrap, channels: [CHANNEL] }))
  for (const test of tests) {
    console.log(test.name)
    await test({ peer, bootstrap, keep })
    await Promise.all(kept.splice(0).map(each => each.destroy()))
  }
}

function main (tests) {
  const fail = error => {
    console.error(error)
    for (const { child, words } of programs) console.error(child.spawnfile + ':\n' + words.slice(-4000))
    return 1
  }
  const end = async status => {
    await endAll()
    process.exit(status)
  }
  process.on('uncaughtException', error => end(fail(error)))
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => end(fail(new Error(signal))))
  runTests(tests).then(() => 0, fail).then(end)
}

module.exports = { CHANNEL, LOAD_MS, READY_MS, soon, store, load, main }
