import { X509Certificate } from 'node:crypto';
import { chown, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificate, pinOf } from '../../src/fleet/certificate.ts';
import { workerNameFrom, WORKER_NAME } from '../../src/core/lease.ts';
import { asking, readTicket, Roster, writeTicket } from '../../src/fleet/roster.ts';
import { silentLogger } from '../../src/platform/log.ts';

const DAY = 24 * 60 * 60_000;
let dir: string;
let roster: Roster;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'shrinkbox-roster-'));
  roster = new Roster(dir, silentLogger);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('the certificate', () => {
  it('is one that TLS takes, and its key is what is pinned', async () => {
    const made = makeCertificate('nas');
    const read = new X509Certificate(made.cert);
    expect(read.verify(read.publicKey)).toBe(true);
    expect(read.subject).toBe('CN=nas');
    const server = createServer({ key: made.key, cert: made.cert }, socket => socket.end('hello'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect({ port: (server.address() as AddressInfo).port, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    expect(pinOf((socket as TLSSocket).getPeerX509Certificate()?.raw ?? '')).toBe(pinOf(made.cert));
    socket.destroy();
    server.close();
  });

  it('is another one each time', () => {
    expect(pinOf(makeCertificate('nas').cert)).not.toBe(pinOf(makeCertificate('nas').cert));
  });
});

describe('the roster', () => {
  it('keeps who the fleet is, readable to nobody else', async () => {
    const made = await roster.cluster('nas');
    expect(await new Roster(dir, silentLogger).cluster('other')).toEqual(made);
    expect((await stat(join(dir, 'fleet/cluster.json'))).mode & 0o077).toBe(0);
  });

  it('lets an invited worker in once, with a token of its own', async () => {
    const code = await roster.invite('desk', 0);
    const { token } = (await roster.redeem(code, DAY)) ?? { token: '' };
    expect((await roster.whose(token))?.name).toBe('desk');
    expect(await roster.redeem(code, DAY)).toBeUndefined();
    expect(await roster.whose(code)).toBeUndefined();
  });

  it('lets nobody in with an old, forged or empty code', async () => {
    const code = await roster.invite('desk', 0);
    expect(await roster.redeem(code, DAY + 1)).toBeUndefined();
    expect(await roster.redeem(`${code}x`, 0)).toBeUndefined();
    for (const word of ['', '.', 'desk.', '../../cluster.x', 'attic.abc']) {
      expect(await roster.redeem(word, 0)).toBeUndefined();
      expect(await roster.whose(word)).toBeUndefined();
    }
  });

  it('forgets a revoked worker at once, also for those who look at the files anew', async () => {
    const { token } = (await roster.admit('desk')) ?? { token: '' };
    expect(await roster.admit('desk')).toBeUndefined();
    expect(await new Roster(dir, silentLogger).revoke('desk')).toBe(true);
    expect(await roster.whose(token)).toBeUndefined();
    expect(await roster.revoke('desk')).toBe(false);
  });

  it('a join whose answer was lost can be repeated by the same worker, for as long as its invitation holds, and by nobody else', async () => {
    const ticket = { url: 'https://nas:8789', secret: await roster.invite('desk', 0), isInvitation: true };
    const shared = { ...ticket, secret: 'a-token-of-the-whole-fleet' };
    const [own, other] = [asking(ticket, 'ignored').own, asking(ticket, 'ignored').own];
    const [box, boxToo] = [asking(shared, 'box').own, asking(shared, 'box').own];
    for (const now of [0, DAY])
      expect(await roster.redeem(ticket.secret, now, own)).toEqual({ name: 'desk', token: own });
    for (const again of [other, undefined]) expect(await roster.redeem(ticket.secret, 0, again)).toBeUndefined();
    expect(await roster.redeem(ticket.secret, DAY + 1, own)).toBeUndefined();
    for (const time of [1, 2]) expect(await roster.admit('box', box), `${time}`).toEqual({ name: 'box', token: box });
    expect(await roster.admit('box', boxToo)).toBeUndefined();
    expect((await roster.whose(own))?.name).toBe('desk');
    await roster.revoke('desk');
    expect(await roster.redeem(ticket.secret, 0, own)).toBeUndefined();
  });

  it('lets nobody in by a token that names another worker', async () => {
    const code = await roster.invite('desk', 0);
    const { own } = asking({ url: 'https://nas:8789', secret: 'no-name-in-this-one', isInvitation: true }, 'attic');
    expect(await roster.redeem(code, 0, own)).toBeUndefined();
    expect(await roster.redeem(code, 0)).toMatchObject({ name: 'desk' });
  });

  it('benches a worker until a person takes it back', async () => {
    await roster.admit('desk');
    expect(await roster.bench('desk', true)).toBe(true);
    expect((await roster.all()).map(({ name, benched }) => [name, benched])).toEqual([['desk', true]]);
    expect(await roster.bench('attic', true)).toBe(false);
  });
});

describe('a ticket', () => {
  it('is one line that says where, by which key, and with what', () => {
    const ticket = { url: 'https://nas:8789', pin: 'a-B_c', secret: 'desk.0123456789abcdef', isInvitation: true };
    expect(readTicket(`${writeTicket(ticket)}\n`)).toEqual(ticket);
    expect(readTicket('desk.0123456789abcdef', 'https://nas:8789#pin')).toEqual({
      ...ticket,
      pin: 'pin',
      isInvitation: false,
    });
    expect(readTicket('desk.0123456789abcdef', 'https://nas:8789')).toEqual({
      ...{ url: ticket.url, secret: ticket.secret, isInvitation: false },
    });
    expect(readTicket('the-token-of-a-whole-fleet', 'https://nas:8789')?.isInvitation).toBe(true);
    expect(readTicket(writeTicket({ ...ticket, isInvitation: false }))?.isInvitation).toBe(false);
    expect(readTicket(writeTicket(ticket), 'https://10.0.0.2:8789')).toEqual({
      ...ticket,
      url: 'https://10.0.0.2:8789',
    });
  });

  it('keeps the token that was asked for, and asks for the same again', () => {
    const ticket = { url: 'https://nas:8789', pin: 'a-B_c', secret: 'desk.0123456789abcdef', isInvitation: true };
    const asked = asking(ticket, 'ignored');
    expect(asked.own).toMatch(/^desk\./);
    const kept = readTicket(writeTicket(asked));
    expect(kept).toEqual(asked);
    expect(asking(kept ?? ticket, 'ignored')).toEqual(asked);
    const shared = asking({ ...ticket, secret: 'the-token-of-a-whole-fleet' }, 'box');
    expect(asking(shared, 'renamed').own).toMatch(/^renamed\./);
  });

  it('that names no daemon is none', () => {
    expect(readTicket('desk.0123456789abcdef')).toBeUndefined();
    expect(readTicket('')).toBeUndefined();
    expect(readTicket('http://nas:8789/#a.desk.0123456789abcdef')).toBeUndefined();
  });
});

// Only root can make files of others.
it.skipIf(process.getuid?.() !== 0)('what root invites the daemon can read, whoever it runs as', async () => {
  await chown(dir, 1234, 1234);
  await roster.invite('desk', 0);
  const made = ['fleet', 'fleet/workers', 'fleet/workers/desk.json'];
  expect(await Promise.all(made.map(async each => (await stat(join(dir, each))).uid))).toEqual([1234, 1234, 1234]);
});

it('of two that join by one invitation or one name at once, one is let in', async () => {
  const code = await roster.invite('desk', 0);
  const joined = await Promise.all([roster.redeem(code, 0), roster.redeem(code, 0)]);
  const named = await Promise.all([roster.admit('attic'), roster.admit('attic')]);
  for (const both of [joined, named]) {
    const [one, ...more] = both.flatMap(each => each ?? []);
    expect(more).toEqual([]);
    expect(await roster.whose(one?.token ?? '')).toMatchObject({ name: one?.name });
  }
});

it.each([
  ['box.', 'box'],
  ['-box-', 'box'],
  ['Box.Example.org', 'box-example-org'],
  ['my__box', 'my-box'],
  ['a-name-that-goes-on-for-too-long.example.org', 'a-name-that-goes-on-for-too-long'],
  [`${'x'.repeat(31)}.y`, 'x'.repeat(31)],
  ['电脑', 'worker'],
  ['', 'worker'],
])('a machine called %j joins as %s', (hostname, name) => {
  expect(workerNameFrom(hostname)).toBe(name);
  expect(name).toMatch(WORKER_NAME);
});
