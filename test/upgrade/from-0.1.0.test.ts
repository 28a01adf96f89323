import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { Identity } from '../../src/engine/nemo/account/identity.ts';
import { FolderSessionStore } from '../../src/engine/nemo/session/session.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { readJournal, type ReplaySummary } from '../../src/journal/replay.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { Ledger } from '../../src/queue/ledger.ts';
import { replayInto } from '../../src/queue/ledger.ts';
import {
  copyOf,
  differences,
  fixtureJson,
  fixtureText,
  FIXTURE_ROOT,
  namesIn,
  placesOf,
  recordsIn,
} from './support.ts';
import { join } from 'node:path';

const JOURNALS = namesIn('journals');

/** What 0.1.0 could write. Persisted: none of these may change its name or meaning. */
const EVENTS = [
  ...['admitted', 'decided', 'repinned', 'queued', 'started', 'step', 'checkpoint', 'fact', 'doubted', 'candidate'],
  ...['rejected', 'verified', 'publishing', 'published', 'disposing', 'disposed', 'restored', 'pruned', 'done'],
  ...['waiting', 'held', 'failed', 'cancelled', 'skipped', 'reported', 'forgotten', 'paused', 'resumed'],
  ...['snapshot-begin', 'snapshot', 'snapshot-end'],
];
const STATES = [
  ...['queued', 'waiting', 'running', 'in-doubt', 'verifying', 'delivering'],
  ...['done', 'held', 'failed', 'cancelled', 'skipped'],
];

/** Everything a start knows of its jobs, as JSON. */
function known(ledger: Ledger, { lastSeq, records, sinceSnapshot, tornBytes }: ReplaySummary): unknown {
  const summary = { lastSeq, records, sinceSnapshot, tornBytes };
  const { paused } = ledger;
  const all = { summary, paused, counts: ledger.counts(), totals: ledger.totals(), jobs: [...ledger.all()] };
  return JSON.parse(JSON.stringify(all));
}

function emptyLedger(): Ledger {
  return new Ledger({ append: async () => {} }, systemClock);
}

async function readFrom(dir: string): Promise<unknown> {
  const ledger = emptyLedger();
  const summary = await readJournal({ dir, onRecord: (record, place) => replayInto(ledger, record, place) });
  return known(ledger, summary);
}

describe('a journal of 0.1.0', () => {
  const expectations = JOURNALS.map(name => fixtureJson('journals', name, 'expected.json'));
  const places = new Set(expectations.flatMap(expected => placesOf(expected)));

  it('is there for every event and every state', () => {
    const events = JOURNALS.flatMap(name => recordsIn(join(copyOf('journals', name), 'journal')));
    expect([...new Set(events.map(({ event }) => event))].sort()).toEqual(EVENTS.toSorted());
    const jobs = expectations.flatMap(expected => (expected as { jobs: { state: { name: string } }[] }).jobs);
    expect([...new Set(jobs.map(({ state }) => state.name))].sort()).toEqual(STATES.toSorted());
  });

  it.each(JOURNALS)('%s says what it said', async name => {
    const expected = fixtureJson('journals', name, 'expected.json');
    const actual = await readFrom(join(copyOf('journals', name), 'journal'));
    expect(differences(expected, actual, places)).toEqual([]);
  });

  it.each(JOURNALS)('%s is written on, compacted and read again', async name => {
    const expected = fixtureJson('journals', name, 'expected.json') as Record<string, unknown>;
    const dir = join(copyOf('journals', name), 'journal');
    const ledger = emptyLedger();
    const journal = await openJournal({
      dir,
      clock: systemClock,
      log: silentLogger,
      onRecord: (record, place) => replayInto(ledger, record, place),
      onFatal: error => expect.unreachable(error.message),
    });
    expect(differences(expected, known(ledger, journal.replayed), places)).toEqual([]);
    await journal.append([{ job: null, event: ledger.paused ? 'paused' : 'resumed', data: {} }]);
    await journal.compact([...ledger.snapshot()]);
    await journal.close();
    const again = (await readFrom(dir)) as object;
    expect(differences({ ...expected, summary: {} }, { ...again, summary: {} }, places)).toEqual([]);
  });
});

describe('an identity of 0.1.0', () => {
  const apiUrl = 'https://mega-api-prod.nemovideo.ai';

  it.each(namesIn('identity'))('%s is who it was', name => {
    const expected = fixtureJson('identity', name, 'expected.json') as { clientId: string | null; token: unknown };
    const identity = new Identity({ dir: copyOf('identity', name), apiUrl });
    const token = identity.token();
    const value = token?.value.reveal();
    expect(token ? JSON.parse(JSON.stringify({ ...token, value })) : null).toEqual(expected.token);
    // Without one a new id is made, which is kept from then on.
    if (expected.clientId === null) expect(identity.clientId()).toMatch(/^[\da-f-]{36}$/);
    else expect(identity.clientId()).toBe(expected.clientId);
  });

  it('has the sessions of its folders', () => {
    const expected = fixtureJson('sessions', 'expected.json') as { ask: [string, string, string]; usable: unknown }[];
    const sessions = new FolderSessionStore(copyOf('sessions'));
    expect(expected.map(({ ask }) => ({ ask, usable: sessions.usable(...ask) ?? null }))).toEqual(expected);
  });
});

describe('a configuration of 0.1.0', () => {
  const ENVIRONMENT = {
    NEMO_API_URL: 'https://other.example.com/',
    NEMO_WEB_URL: 'https://web.example.com',
    NEMO_CLIENT_ID: 'client-from-env',
    SKILL_SOURCE: 'a-skill',
  };
  const from = { env: {}, cwd: FIXTURE_ROOT, home: '/home/videos', source: join(FIXTURE_ROOT, 'config.yaml') };
  const files = namesIn('config').filter(name => name.endsWith('.yaml'));
  const names = namesIn('config').filter(name => name.endsWith('.json'));
  const places = new Set(names.flatMap(name => placesOf(fixtureJson('config', name))));

  it.each(files)('%s means what it meant', name => {
    const expected = fixtureJson('config', name.replace(/\.yaml$/, '.expected.json'));
    expect(differences(expected, parseConfig(fixtureText('config', name), from), places)).toEqual([]);
  });

  it('gives way to the environment', () => {
    const expected = fixtureJson('config', 'few-words.environment.expected.json');
    const actual = parseConfig(fixtureText('config', 'few-words.yaml'), { ...from, env: ENVIRONMENT });
    expect(differences(expected, actual, places)).toEqual([]);
  });

  it('may be missing', () => {
    const actual = parseConfig('{}', { ...from, source: null });
    expect(differences(fixtureJson('config', 'none.expected.json'), actual, places)).toEqual([]);
  });
});
