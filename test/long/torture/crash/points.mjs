/**
 * Loaded before the program (`NODE_OPTIONS=--import file://.../points.mjs`): counts every act of the process that a crash may
 * come before or after - names and bytes put on the disk below CRASH_ROOT, syncs, children, requests - and kills it with
 * SIGKILL at the one it was told. Acts that only look leave the same disk behind as the next one that does not.
 *
 * A point has a label (`after rename state/x -> state/y`) and a number among those of the same label, so that the same point is
 * found again although independent work interleaves differently from run to run.
 *
 * CRASH_ROOT  directory of the box; what happens elsewhere does not count
 * CRASH_LOG   file every point reached is appended to, one a line: `label #n`
 * CRASH_AT    the point to die at: `label #n`, or `#n` for the n-th of all
 * CRASH_STOP  the point at which it is told to stop (SIGTERM), `label #n`: what comes after it are the acts of a stop
 * CRASH_FAIL  instead of dying, the act fails with this errno (a `before` point), or stops half-way (`short`, a `within`)
 */
import childProcess from 'node:child_process';
import channel from 'node:diagnostics_channel';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';

const {
  CRASH_ROOT: root = '',
  CRASH_LOG: log = '',
  CRASH_AT: at = '',
  CRASH_STOP: stop,
  CRASH_FAIL: failure,
} = process.env;
const { readlinkSync, openSync, writeSync } = fs;
const logFd = openSync(log, 'a');
const seen = new Map();
let total = 0;

/** Comes here at every point; does not come back from the one it was told to die at. */
function point(label) {
  total += 1;
  const nth = (seen.get(label) ?? 0) + 1;
  seen.set(label, nth);
  const name = `${label} #${nth}`;
  writeSync(logFd, `${name}\n`);
  if (name === stop) process.kill(process.pid, 'SIGTERM');
  if (name !== at && `#${total}` !== at) return;
  if (failure === undefined) process.kill(process.pid, 'SIGKILL');
  else if (failure !== 'short') throw Object.assign(new Error(`${failure}: made to fail, ${label}`), { code: failure });
}

const isAt = (label, ahead = 1) => at === `${label} #${(seen.get(label) ?? 0) + ahead}`;

/** Below the root, with what differs from run to run made equal; `undefined` elsewhere. */
function placeOf(path) {
  const text = namedPath(String(path));
  if (!text.startsWith(`${root}/`)) return undefined;
  return text
    .slice(root.length + 1)
    .replace(/\.shrinkbox-[a-z2-9]{8}\b/g, '.shrinkbox-JOB')
    .replace(/^state\/work\/[a-z2-9]{8}\b/, 'state/work/JOB')
    .replace(/^state\/\.s-\w+/, 'state/.s-X')
    .replace(/\.tmp-[0-9a-z]+/g, '.tmp-X');
}

/** What is done below a descriptor (`/proc/self/fd/N/name`) is done to the name below its folder. */
function namedPath(path) {
  return path.replace(/^\/proc\/self\/fd\/\d+/, descriptor => {
    try {
      return readlinkSync(descriptor);
    } catch {
      return descriptor;
    }
  });
}

function placeOfFd(fd) {
  try {
    return placeOf(readlinkSync(`/proc/self/fd/${fd}`));
  } catch {
    return undefined;
  }
}

/** Labels of the calls that change something, from their arguments. */
const PATHS = {
  rename: (from, to) => pair('rename', from, to),
  link: (from, to) => pair('link', from, to),
  unlink: path => one('unlink', path),
  rm: path => one('rm', path),
  mkdir: path => one('mkdir', path),
  rmdir: path => one('rmdir', path),
  chmod: path => one('chmod', path),
  utimes: path => one('utimes', path),
  truncate: path => one('truncate', path),
  writeFile: path => one('write file', path),
  copyFile: (from, to) => pair('copy', from, to),
};

const one = (what, path) => {
  const place = placeOf(path);
  return place === undefined ? undefined : `${what} ${place}`;
};
const pair = (what, from, to) => {
  const places = [placeOf(from), placeOf(to)];
  return places.some(place => place !== undefined) ? `${what} ${places.join(' -> ')}` : undefined;
};
const creates = flags =>
  typeof flags === 'number' ? (flags & fs.constants.O_CREAT) !== 0 : /[wax]/.test(String(flags));

for (const [name, labelOf] of Object.entries(PATHS)) {
  fs.promises[name] = around(fs.promises[name], labelOf);
  const sync = `${name}Sync`;
  fs[sync] = aroundSync(fs[sync], labelOf);
  fs[name] = aroundCallback(fs[name], labelOf);
}

function around(act, labelOf) {
  return async function (...args) {
    const label = labelOf.apply(this, args);
    if (label === undefined) return act.apply(this, args);
    point(`before ${label}`);
    const result = await act.apply(this, args);
    point(`after ${label}`);
    return result;
  };
}

function aroundSync(act, labelOf) {
  return function (...args) {
    const label = labelOf.apply(this, args);
    if (label === undefined) return act.apply(this, args);
    point(`before ${label}`);
    const result = act.apply(this, args);
    point(`after ${label}`);
    return result;
  };
}

function aroundCallback(act, labelOf) {
  return function (...args) {
    const label = labelOf.apply(this, args);
    const done = args.at(-1);
    if (label === undefined || typeof done !== 'function') return act.apply(this, args);
    try {
      point(`before ${label}`);
    } catch (error) {
      return process.nextTick(done, error);
    }
    args[args.length - 1] = (...results) => {
      point(`after ${label}`);
      done(...results);
    };
    return act.apply(this, args);
  };
}

/** What the last write to the journal said, so that its sync can be told from others. */
let lastEvents = '';
function written(place, bytes) {
  if (!/journal\/\d+\.jsonl/.test(place)) return `write ${place}`;
  const names = String(bytes).match(/"event":"[a-z-]+"/g) ?? [];
  const events = names.map(name => name.slice(9, -1));
  lastEvents = events.length > 6 ? `${events.length} records` : events.join(' ');
  return `write ${place} [${lastEvents}]`;
}
const synced = (what, place) => `${what} ${place}${/jsonl/.test(place) ? ` [${lastEvents}]` : ''}`;

/** Puts half of the bytes on the disk first, when it is to die, or to be cut short, in the middle; gives how many then. */
function half(fd, label, bytes, position) {
  const within = `within ${label}`;
  const isHere = isAt(within) && bytes.length > 1;
  const count = isHere ? writeSync(fd, bytes, 0, bytes.length >> 1, position) : undefined;
  point(within);
  return count;
}

const opened = fs.promises.open;
fs.promises.open = around(opened, (path, flags = 'r') => (creates(flags) ? one('create', path) : undefined));
fs.openSync = aroundSync(openSync, (path, flags = 'r') => (creates(flags) ? one('create', path) : undefined));
fs.open = aroundCallback(fs.open, (path, flags) =>
  typeof flags !== 'function' && creates(flags) ? one('create', path) : undefined,
);
fs.writeSync = function (fd, bytes, ...rest) {
  const place = placeOfFd(fd);
  if (place === undefined) return writeSync.call(this, fd, bytes, ...rest);
  const label = written(place, bytes);
  point(`before ${label}`);
  const count = writeSync.call(this, fd, bytes, ...rest);
  point(`after ${label}`);
  return count;
};
for (const name of ['fsync', 'fdatasync', 'ftruncate', 'fchmod', 'futimes']) {
  const labelOf = fd => {
    const place = placeOfFd(fd);
    return place === undefined ? undefined : synced(name, place);
  };
  fs[`${name}Sync`] = aroundSync(fs[`${name}Sync`], labelOf);
  fs[name] = aroundCallback(fs[name], labelOf);
}

const handle = await opened('/dev/null', 'r');
const prototype = Object.getPrototypeOf(handle);
await handle.close();
const fdLabel = what =>
  function () {
    const place = placeOfFd(this.fd);
    return place === undefined ? undefined : synced(what, place);
  };
for (const name of ['sync', 'datasync', 'truncate', 'chmod', 'utimes'])
  prototype[name] = around(prototype[name], fdLabel(name));
for (const name of ['write', 'writev', 'writeFile', 'appendFile']) {
  const act = prototype[name];
  prototype[name] = async function (bytes, offset, length, position) {
    const place = placeOfFd(this.fd);
    if (place === undefined) return act.apply(this, arguments);
    const whole = typeof bytes === 'string' ? Buffer.from(bytes) : Array.isArray(bytes) ? Buffer.concat(bytes) : bytes;
    const label = written(place, whole);
    point(`before ${label}`);
    if (name === 'write' && typeof bytes !== 'string') {
      const start = typeof offset === 'number' ? offset : 0;
      const end = typeof length === 'number' ? start + length : whole.length;
      const piece = whole.subarray(start, end);
      const count = half(this.fd, label, piece, typeof position === 'number' ? position : null);
      if (count !== undefined) return { bytesWritten: count, buffer: bytes };
    }
    const result = await act.apply(this, arguments);
    point(`after ${label}`);
    return result;
  };
}

const { spawn } = childProcess;
childProcess.spawn = function (command, args = [], ...rest) {
  const words = [command, ...(Array.isArray(args) ? args : [])].map(word => basename(String(word)));
  const program = words.find(word => /^(ffmpeg|ffprobe)$/.test(word)) ?? words[0];
  point(`before spawn ${program}`);
  const child = spawn.call(this, command, args, ...rest);
  point(`after spawn ${program}`);
  child.once('exit', () => point(`at the end of ${program}`));
  return child;
};

/** What undici tells of each request. */
const asked = ({ request }) => {
  const path = request.path.replace(/[0-9a-zA-Z_-]*\d[0-9a-zA-Z_-]*/g, 'ID');
  return `${request.method} ${path}`;
};
channel.subscribe('undici:request:create', message => point(`before ${asked(message)}`));
channel.subscribe('undici:request:bodySent', message => point(`after sending ${asked(message)}`));
channel.subscribe('undici:request:headers', message => point(`at the answer to ${asked(message)}`));
channel.subscribe('undici:request:trailers', message => point(`after ${asked(message)}`));

syncBuiltinESMExports();
