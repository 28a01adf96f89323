import type { Left } from './look.ts';

/** What would come of a folder. */
export interface LibraryPlan {
  id: string;
  library: string;
  /** The folder of the library that was looked through. */
  folder: string;
  made_at: number;
  /** All films, and their bytes. */
  films: number;
  bytes: number;
  other_files: number;
  unreadable_folders: number;
  todo: { films: number; bytes: number; expected_bytes: number; seconds: number };
  /** Of the originals' bytes, what the archive has no room for. Absent in older plans. */
  archive_missing_bytes?: number | undefined;
  left_alone: { kind: Left; text: string; films: number; bytes: number }[];
  largest: { path: string; bytes: number; expected_bytes: number; seconds: number }[];
  /** How much of it is known film by film: the rest is estimated from them. */
  looked_at: number;
  sampled: number;
  estimated: { films: number; bytes: number };
}

/** One film of a finished plan. */
export interface PlannedFilm {
  relative: string;
  bytes: number;
  mtimeNs: string;
  /** About what comes out, and seconds of work. */
  expected: number;
  seconds: number;
}
