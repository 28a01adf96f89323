import { expect, it } from 'vitest';
import { queueTrouble } from '../../../src/app/fleet-doctor.ts';
import { fleetTroubles } from '../../../src/commands/support/fleet-troubles.ts';
import { aWorker, type FleetWorker } from '../../support/fake-control.ts';

const NOW = 1_700_000_600_000;
const fleet = (workers: FleetWorker[], up = true) => ({
  queue: { up, since: NOW - 600_000, why: up ? null : 'ECONNREFUSED' },
  ...{ queued: 0, leased: 0, films: [], workers },
});
const said = (workers: FleetWorker[], up = true) => fleetTroubles(fleet(workers, up), NOW).map(trouble => trouble.said);

it.each<[string, FleetWorker[], RegExp]>([
  [
    'a worker that lies',
    [
      aWorker('desk', 'idle'),
      aWorker('shed', 'benched', { benched_for_ms: 540_000, benched_because: 'it is no video' }),
    ],
    /^worker shed gets nothing for another 9m 00s: it is no video$/,
  ],
  [
    'a worker of an unknown protocol',
    [aWorker('desk', 'idle'), aWorker('shed', 'outdated')],
    /^worker shed speaks a protocol/,
  ],
  ['a full scratch', [aWorker('desk', 'idle', { scratch_free: 0 })], /^worker desk has 0 B of scratch left/],
  ['one that a person sent away', [aWorker('desk', 'idle'), aWorker('shed', 'benched')], /^worker shed was sent away/],
  ['nobody invited', [], /^no worker was invited yet$/],
  ['nobody there', [aWorker('desk', 'away'), aWorker('shed', 'invited')], /^no worker is there$/],
])('%s is a sentence in doctor and status', (_what, workers, expected) => {
  expect(said(workers)).toEqual([expect.stringMatching(expected)]);
});

it('a queue that is away says since when, and a fleet in order says nothing', () => {
  expect(said([aWorker('desk', 'working')], false)).toEqual([
    'the queue has not answered for 10m 00s (ECONNREFUSED); parts being made go on',
  ]);
  expect(said([aWorker('desk', 'working'), aWorker('shed', 'resting'), aWorker('barn', 'away')])).toEqual([]);
});

it.each([
  ['WRONGPASS', /^it does not know this user and password/, /password_file/],
  ['NOAUTH', /^it wants a password/, /password_file/],
  ['NOPERM', /^its user may not do/, /\+@all/],
  ['CERT_NOT_YET_VALID', /not valid at the time of this machine/, /clock of this machine first/],
  ['ERR_TLS_CERT_ALTNAME_INVALID', /for another name/, /subjectAltName/],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', /nobody this machine trusts/, /fleet\.queue_ca/],
  ['ECONNREFUSED', /^ECONNREFUSED$/, /Start it/],
])('a queue that answers %s: what that means, and what to do', (reason, meaning, fix) => {
  expect(queueTrouble(reason)).toEqual({ said: expect.stringMatching(meaning), fix: expect.stringMatching(fix) });
});
