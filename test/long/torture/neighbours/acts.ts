/**
 * What shrinkbox does to files (delete, archive, restore, prune, publish, report, sweep, take in), while another user exchanges
 * what it is done to at full speed. Whatever comes of it, no file of a stranger is touched, nothing of ours lies elsewhere,
 * and what is said is what happened.
 */
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Uploads } from '../../../../src/api/uploads.ts';
import { isShrinkError } from '../../../../src/core/errors.ts';
import { pruneArchive, restoreOriginal } from '../../../../src/deliver/archive.ts';
import { deliver } from '../../../../src/deliver/deliver.ts';
import { disposeOriginal } from '../../../../src/deliver/originals.ts';
import { failureReport, removeReport, writeReport } from '../../../../src/deliver/report.ts';
import { sweepOutbox } from '../../../../src/deliver/stale-temp-files.ts';
import { nodeFiles, pinOf } from '../../../../src/platform/files/files.ts';
import { silentLogger } from '../../../../src/platform/log.ts';
import { aVerified } from '../../../support/delivery.ts';
import { exchanging, NEIGHBOUR, STRANGER } from '../../../support/exchanger.ts';

/** What became of an attack that got nothing through. */
export interface Tally {
  /** How often the act was done, and what came of it. */
  tries: number;
  outcomes: Record<string, number>;
  exchanges: number;
}

export interface Attack {
  name: string;
  /** @throws with what got through */
  run(options: { forMs: number; seed: number }): Promise<Tally>;
}

const FILM = 'the film of a neighbour';
/** As long as the neighbour's, so that a size tells nothing. */
const SECRET = 'the film of a stranger!';
const JOB = 'job1';
const common = { job: JOB, files: nodeFiles, log: silentLogger };

/** The folders of one attack. `d` is the neighbour's folder in each, `l` a link to the stranger's, `v` a folder of the stranger. */
class Arena {
  readonly root = mkdtempSync(join(tmpdir(), 'shrinkbox-neighbours-'));
  readonly inbox = join(this.root, 'inbox');
  readonly outbox = join(this.root, 'outbox');
  readonly archive = join(this.root, 'archive');
  readonly stranger = join(this.root, 'stranger');
  /** The neighbour's own folders, through descriptors: nobody can exchange those. */
  readonly own: Record<'inbox' | 'outbox' | 'archive', string>;
  readonly #descriptors: number[] = [];
  /** Where the stranger has files. */
  readonly #theirs: string[] = [this.stranger];
  readonly #before: string;

  constructor() {
    chmodSync(this.root, 0o755);
    mkdirSync(this.stranger);
    fill(this.stranger);
    for (const name of [`.shrinkbox-${JOB}.part`, '.shrinkbox-gone.part'])
      writeFileSync(join(this.stranger, name), SECRET);
    this.own = { inbox: this.#folder('inbox'), outbox: this.#folder('outbox'), archive: this.#folder('archive') };
    this.#before = this.#strangers();
  }

  #folder(name: 'inbox' | 'outbox' | 'archive'): string {
    const path = this[name];
    mkdirSync(join(path, 'd'), { recursive: true });
    mkdirSync(join(path, 'v'));
    fill(join(path, 'v'));
    symlinkSync(this.stranger, join(path, 'l'));
    chownSync(join(path, 'v'), STRANGER, STRANGER);
    for (const each of [path, join(path, 'd')]) chownSync(each, NEIGHBOUR, NEIGHBOUR);
    this.#theirs.push(this.#held(join(path, 'v')));
    return this.#held(join(path, 'd'));
  }

  #held(folder: string): string {
    const descriptor = openSync(folder, 'r');
    this.#descriptors.push(descriptor);
    return `/proc/self/fd/${descriptor}`;
  }

  /** @throws if a file of the stranger is gone, another one, or not alone any more. */
  mustBeUntouched(when: string): void {
    const now = this.#strangers();
    if (now !== this.#before) throw new Error(`${when}: the stranger had ${this.#before}, and has ${now}`);
  }

  #strangers(): string {
    return this.#theirs
      .map(folder => readdirSync(folder).map(name => `${name}:${lstatSync(join(folder, name)).ino}`))
      .map(names => names.sort().join(' '))
      .join(' | ');
  }

  close(): void {
    for (const descriptor of this.#descriptors) closeSync(descriptor);
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** One of everything that an act is looking for. */
function fill(folder: string): void {
  writeFileSync(join(folder, 'clip.mov'), SECRET);
  writeFileSync(join(folder, 'clip.failed.txt'), REPORT);
}

const REPORT = failureReport({
  job: JOB,
  source: '/inbox/d/clip.mov',
  sourceBytes: 1,
  at: 0,
  state: 'failed',
  reason: { code: 'io', text: 'no reason' },
});

type Place = 'inbox' | 'outbox' | 'archive';

interface Act {
  name: string;
  /** What is exchanged with what, below which folder. */
  exchanges: readonly [place: Place, one: string, other: string][];
  /** Done again and again; resolves with what is said of it. @throws with what got through */
  once(arena: Arena, n: number): Promise<string>;
  /** Before the exchanges begin. */
  prepare?(arena: Arena): void;
}

function attack({ name, exchanges, once, prepare }: Act): Attack {
  return {
    name,
    async run({ forMs, seed }) {
      const arena = new Arena();
      try {
        prepare?.(arena);
        const others = await Promise.all(
          exchanges.map(([place, one, other]) =>
            exchanging(join(arena[place], one), join(arena[place], other), { uid: NEIGHBOUR, seed }),
          ),
        );
        const tally: Tally = { tries: 0, outcomes: {}, exchanges: 0 };
        try {
          for (const until = performance.now() + forMs; performance.now() < until; ) {
            const outcome = await once(arena, (tally.tries += 1));
            tally.outcomes[outcome] = (tally.outcomes[outcome] ?? 0) + 1;
          }
        } finally {
          for (const other of others) tally.exchanges += await other.stop();
        }
        arena.mustBeUntouched('in the end');
        return tally;
      } finally {
        arena.close();
      }
    },
  };
}

/** What comes of it, in a word; errors of ours by their code, others are none that an act may end with. */
async function outcomeOf(act: Promise<{ kind: string } | string>): Promise<string> {
  try {
    const done = await act;
    return typeof done === 'string' ? done : done.kind;
  } catch (error) {
    if (isShrinkError(error)) return error.code;
    throw error;
  }
}

/** The neighbour's original, written anew where the last one went. */
async function disposing(arena: Arena, policy: 'delete' | 'archive'): Promise<string> {
  const path = join(arena.own.inbox, 'clip.mov');
  if (!existsSync(path)) writeFileSync(path, FILM);
  const film = openSync(path, 'r');
  const pin = await pinOf(path);
  let to = '';
  const outcome = await outcomeOf(
    disposeOriginal({
      ...common,
      inbox: arena.inbox,
      relative: 'd/clip.mov',
      pin,
      policy,
      archiveDir: arena.archive,
      beforeMove: async path => void (to = path),
    }),
  );
  const { nlink, ino } = fstatSync(film);
  closeSync(film);
  if (policy === 'delete' && (outcome === 'deleted') !== (nlink === 0))
    throw new Error(`${outcome}, with ${nlink} names`);
  if (policy === 'archive' && nlink === 0) throw new Error(`${outcome}, and the original is gone`);
  if (outcome === 'archived') mustBeThere(arena.own.archive, to, ino);
  for (const name of readdirSync(arena.own.archive)) unlinkSync(join(arena.own.archive, name));
  arena.mustBeUntouched(outcome);
  return outcome;
}

/** Said to be there, in the folder that the neighbour had there all the time. */
function mustBeThere(folder: string, path: string, ino?: number): void {
  const found = lstatSync(join(folder, path.slice(path.lastIndexOf('/') + 1)), { throwIfNoEntry: false });
  if (!found) throw new Error(`${path} is said to be there, and is not`);
  if (ino !== undefined && found.ino !== ino) throw new Error(`${path} is another file than what was moved`);
}

const FOLDERS = [
  ['a link', 'l'],
  ['the folder of a stranger', 'v'],
] as const;

const deleting = FOLDERS.map(([what, other]) =>
  attack({
    name: `deleting an original, its folder exchanged for ${what}`,
    exchanges: [['inbox', 'd', other]],
    once: arena => disposing(arena, 'delete'),
  }),
);

const deletingOwn = attack({
  name: 'deleting an original, exchanged for another file of the same owner',
  exchanges: [['inbox', 'd/clip.mov', 'd/other.mov']],
  prepare(arena) {
    for (const name of ['clip.mov', 'other.mov']) writeFileSync(join(arena.own.inbox, name), FILM);
  },
  async once(arena) {
    // Either may be the one that has the name at this moment.
    for (const name of ['clip.mov', 'other.mov']) {
      const path = join(arena.own.inbox, name);
      if (!existsSync(path)) writeFileSync(path, FILM);
    }
    return ownDeletion(arena);
  },
});

async function ownDeletion(arena: Arena): Promise<string> {
  const path = join(arena.own.inbox, 'clip.mov');
  const film = openSync(path, 'r');
  const { ino } = fstatSync(film, { bigint: true });
  const pin = await pinOf(path);
  const options = { ...common, inbox: arena.inbox, relative: 'd/clip.mov', pin, beforeMove: async () => {} };
  const outcome = await outcomeOf(disposeOriginal({ ...options, policy: 'delete' }));
  const { nlink } = fstatSync(film);
  closeSync(film);
  const isPinned = pin.ino === String(ino);
  if (isPinned && (outcome === 'deleted') !== (nlink === 0)) throw new Error(`${outcome}, with ${nlink} names`);
  arena.mustBeUntouched(outcome);
  return outcome;
}

const archiving = attack({
  name: 'archiving an original, its folder and that of the archive exchanged for links',
  exchanges: [
    ['inbox', 'd', 'l'],
    ['archive', 'd', 'l'],
  ],
  once: arena => disposing(arena, 'archive'),
});

const restoring = attack({
  name: 'restoring an original, its folder and that of the archive exchanged for links',
  exchanges: [
    ['inbox', 'd', 'l'],
    ['archive', 'd', 'l'],
  ],
  async once(arena) {
    for (const name of readdirSync(arena.own.inbox)) unlinkSync(join(arena.own.inbox, name));
    const path = join(arena.own.archive, 'clip.mov');
    if (!existsSync(path)) writeFileSync(path, FILM);
    const film = openSync(path, 'r');
    const outcome = await outcomeOf(
      restoreOriginal({
        ...common,
        archived: join(arena.archive, 'd/clip.mov'),
        archiveDir: arena.archive,
        inbox: arena.inbox,
        isOriginal: async () => true,
        relative: 'd/clip.mov',
        sizeBytes: FILM.length,
      }).then(() => 'restored'),
    );
    const { nlink } = fstatSync(film);
    closeSync(film);
    if (nlink === 0) throw new Error(`${outcome}, and the original is gone`);
    if (outcome === 'restored') mustBeThere(arena.own.inbox, 'clip.mov');
    arena.mustBeUntouched(outcome);
    return outcome;
  },
});

const pruning = attack({
  name: 'pruning an archive, a folder exchanged for a link',
  exchanges: [['archive', 'd', 'l']],
  async once(arena) {
    const path = join(arena.own.archive, 'clip.mov');
    writeFileSync(path, FILM);
    const records = [{ path: join(arena.archive, 'd/clip.mov'), at: 0, sizeBytes: FILM.length }];
    const options = { archiveDir: arena.archive, days: 1, now: Date.now(), files: nodeFiles, log: silentLogger };
    const removed = await pruneArchive(records, options);
    if (removed.length > 0 === existsSync(path))
      throw new Error(`${removed.length} removed, there: ${existsSync(path)}`);
    arena.mustBeUntouched('pruned');
    return removed.length > 0 ? 'pruned' : 'left alone';
  },
});

async function publishing(arena: Arena, relative: string): Promise<string> {
  const content = Buffer.from(FILM);
  const candidate = join(arena.root, 'candidate.mp4');
  if (!existsSync(candidate)) writeFileSync(candidate, content);
  let output = '';
  const outcome = await outcomeOf(
    deliver(aVerified(candidate, content), {
      ...common,
      outbox: arena.outbox,
      relative,
      sourceName: relative,
      sourceMtimeMs: 0,
      onIntent: async () => {},
    }).then(delivery => {
      output = delivery.output;
      return 'published';
    }),
  );
  if (outcome === 'published') {
    mustBeThere(arena.own.outbox, output);
    const name = output.slice(output.lastIndexOf('/') + 1);
    const is = readFileSync(join(arena.own.outbox, name), 'utf8');
    if (is !== FILM) throw new Error(`published as ${name}: ${is}`);
    unlinkSync(join(arena.own.outbox, name));
  }
  arena.mustBeUntouched(outcome);
  return outcome;
}

const publishingThrough = attack({
  name: 'publishing a result, its folder exchanged for a link',
  exchanges: [['outbox', 'd', 'l']],
  once: arena => publishing(arena, 'd/clip.mp4'),
});

const publishingOther = attack({
  name: 'publishing a result, its hidden file exchanged for another one',
  exchanges: [['outbox', `d/.shrinkbox-${JOB}.part`, 'd/mine.part']],
  prepare(arena) {
    writeFileSync(join(arena.own.outbox, `.shrinkbox-${JOB}.part`), 'forged film of the same sz');
    writeFileSync(join(arena.own.outbox, 'mine.part'), 'forged film of the same');
  },
  async once(arena) {
    if (!existsSync(join(arena.own.outbox, 'mine.part'))) {
      writeFileSync(join(arena.own.outbox, 'mine.part'), 'forged film of the same');
    }
    return publishing(arena, 'd/clip.mp4');
  },
});

const reporting = attack({
  name: 'writing and removing a report, its folder exchanged for a link',
  exchanges: [['outbox', 'd', 'l']],
  async once(arena) {
    const text = REPORT;
    const outcome = await outcomeOf(
      writeReport({ ...common, kind: 'failed', outbox: arena.outbox, relative: 'd/clip.mov', text }).then(path => {
        mustBeThere(arena.own.outbox, path);
        return 'written';
      }),
    );
    arena.mustBeUntouched(outcome);
    const path = join(arena.outbox, 'd/clip.failed.txt');
    const options = { job: JOB, outbox: arena.outbox, files: nodeFiles };
    const removal = await outcomeOf(removeReport(path, options).then(isRemoved => (isRemoved ? 'removed' : 'left')));
    if (removal === 'removed' && existsSync(join(arena.own.outbox, 'clip.failed.txt'))) throw new Error('not removed');
    arena.mustBeUntouched(removal);
    return `${outcome}, ${removal}`;
  },
});

const sweeping = attack({
  name: 'sweeping an outbox, a folder exchanged for a link',
  exchanges: [['outbox', 'd', 'l']],
  async once(arena) {
    writeFileSync(join(arena.own.outbox, '.shrinkbox-gone.part'), 'left by a crash');
    const removed = await sweepOutbox(arena.outbox, () => false, { files: nodeFiles, log: silentLogger });
    return removed.length > 0 ? 'swept' : 'left alone';
  },
});

const takingIn = attack({
  name: 'taking in an upload with words, its names exchanged for links',
  exchanges: [
    ['inbox', 'clip.mov', 'to-film'],
    ['inbox', 'clip.mov.txt', 'to-words'],
  ],
  prepare(arena) {
    for (const [name, target] of [
      ['clip.mov', 'clip.mov'],
      ['clip.mov.txt', 'clip.failed.txt'],
    ] as const) {
      writeFileSync(join(arena.inbox, name), 'mine');
      symlinkSync(join(arena.stranger, target), join(arena.inbox, name === 'clip.mov' ? 'to-film' : 'to-words'));
    }
  },
  async once(arena) {
    const uploads = new Uploads({
      inboxes: () => [arena.inbox],
      minFree: () => ({ bytes: 0, share: 0 }),
      log: silentLogger,
    });
    async function* body() {
      yield Buffer.from(FILM);
    }
    let name = '';
    const outcome = await outcomeOf(
      uploads.put({ inbox: arena.inbox, name: 'clip.mov', words: 'mute', body: body() }).then(added => {
        name = added.name;
        return 'taken in';
      }),
    );
    if (name !== '') {
      if (readFileSync(join(arena.inbox, name), 'utf8') !== FILM) throw new Error(`${name} is another file`);
      for (const each of [name, `${name}.txt`]) rmSync(join(arena.inbox, each));
    }
    arena.mustBeUntouched(outcome);
    return outcome;
  },
});

export const attacks: readonly Attack[] = [
  ...deleting,
  deletingOwn,
  archiving,
  restoring,
  pruning,
  publishingThrough,
  publishingOther,
  reporting,
  sweeping,
  takingIn,
];
