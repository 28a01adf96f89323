import type { LibraryView } from '../../src/api/types.ts';
import { say } from '../../src/messages/say.ts';

const kind = (name: string, films: number, bytes: number) => ({
  kind: name,
  text: say('library.kind', { kind: name }).text,
  films,
  bytes,
});

/** A library with a plan, as the daemon would show it. */
export function plannedLibrary(more: Partial<LibraryView> = {}): LibraryView {
  return {
    library: '/srv/videos',
    archive: '/mnt/second/originals',
    state: 'planned',
    reason: null,
    plan: {
      ...{ id: 'plan1', library: '/srv/videos', folder: '/srv/videos/2019', made_at: Date.now() - 120_000 },
      ...{ films: 1840, bytes: 812e9, other_files: 623, unreadable_folders: 1, looked_at: 1840, sampled: 41 },
      todo: { films: 1310, bytes: 701e9, expected_bytes: 288e9, seconds: 131_000 },
      left_alone: [
        kind('saves-too-little', 212, 61e9),
        kind('would-lose', 148, 31e9),
        kind('young', 88, 12e9),
        kind('hard-linked', 60, 5e9),
        kind('name-taken', 22, 2e9),
      ],
      largest: Array.from({ length: 20 }, (_, n) => ({
        path: `/srv/videos/2019/07 Summer at the lake/holiday tape ${n + 1}.mov`,
        ...{ bytes: 9.1e9 - n * 3e8, expected_bytes: 3.2e9 - n * 1e8, seconds: 5_400 - n * 120 },
      })),
      estimated: { films: 0, bytes: 0 },
    },
    planning: null,
    ...{ done: 0, left_alone: 0, held: 0, saved_bytes: 0, archived_bytes: 0 },
    ...{ now: null, next: null, left_ms: null, finish_at: null, check: null },
    ...more,
  };
}

/** The same library at work. */
export function libraryAtWork(more: Partial<LibraryView> = {}): LibraryView {
  return plannedLibrary({
    state: 'running',
    ...{ done: 412, left_alone: 9, held: 1, saved_bytes: 121e9, archived_bytes: 190e9 },
    now: '/srv/videos/2019/07 Summer at the lake/holiday tape 3.mov',
    next: '/srv/videos/2019/07 Summer at the lake/holiday tape 4.mov',
    ...{ left_ms: 82_000_000, finish_at: Date.now() + 96_000_000 },
    ...more,
  });
}
