/**
 * Everything a local user may do to a listener at once: event streams, slow uploads, requests for work, wrong tokens, idle
 * connections. Read from stdin, so that a user who may not read this folder can run it. Arguments: port, inbox, how many of each.
 */
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';

const [port, inbox, count] = [Number(process.argv[2]), process.argv[3], Number(process.argv[4])];
const answers = new Map();

/** Asks from one of many addresses of this machine; the request stays open if it has a body. */
function ask(n, method, path, headers = {}, body) {
  const localAddress = `127.${1 + (n % 3)}.0.${1 + (n % 200)}`;
  const asked = request({ host: '127.0.0.1', port, localAddress, agent: false, method, path, headers });
  asked.on('error', () => {});
  asked.on('response', response => {
    response.on('error', () => {});
    response.resume();
    const kind = `${path.replace(/\?.*/, '')} ${response.statusCode}`;
    answers.set(kind, (answers.get(kind) ?? 0) + 1);
  });
  if (body === undefined) asked.end();
  else asked.write(body);
  return asked;
}

function idle() {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
}

const drop = `/api/drop?${new URLSearchParams({ inbox, name: 'slow.mp4' })}`;
const explain = n => `/api/explain?${new URLSearchParams({ path: `${inbox}/${n % 8 ? 'film' : 'earlier'}.mp4` })}`;

async function storm() {
  const asked = [];
  for (let n = 0; n < count; n += 1) {
    asked.push(ask(n, 'GET', '/api/events'));
    if (n % 10 === 0) asked.push(ask(n, 'POST', drop, { 'content-length': 1000000 }, 'x'));
    if (n % 4 === 0) asked.push(ask(n, 'GET', explain(n)));
    if (n % 4 === 1) asked.push(ask(n, 'GET', '/api/status', { authorization: `Bearer wrong-${n}` }));
    if (n % 4 === 2) asked.push(ask(n, 'GET', '/api/jobs?detail=1'));
    if (n % 4 === 3) idle();
    // As fast as it can, but not in one go: the other side must get its turn to refuse.
    if (n % 50 === 49) await new Promise(resolve => setTimeout(resolve, 20));
  }
  // What is held back, such as the uploads, is not waited for.
  const late = new Promise(resolve => setTimeout(resolve, 2000));
  const settled = each => Promise.race([once(each, 'close'), once(each, 'response'), late]).catch(() => {});
  await Promise.all(asked.map(settled));
  return asked;
}

process.stdout.write('begun\n');
const open = [];
for (;;) {
  open.push(...(await storm()));
  process.stdout.write(`${JSON.stringify(Object.fromEntries(answers))}\n`);
  // The oldest hang up without reading on.
  for (const each of open.splice(0, open.length - 2 * count)) each.destroy();
}
