import type { Compared, Item } from '../../core/inventory.ts';
import type { Window } from '../../core/media-info.ts';
import type { ProbeOutput, ProbeStream } from '../probe/streams.ts';
import type { Look } from '../probe/look.ts';
import type { Timeline } from '../probe/packets.ts';
import type { Signs } from '../probe/signs.ts';

/** What is known about a file once it was probed. */
export interface Probed {
  output: ProbeOutput;
  /** The track people mean by "the video". */
  main: ProbeStream;
  /** A timeline for every track that has packets. */
  lines: ReadonlyMap<number, Timeline>;
  /** What its bytes show and ffprobe does not say. */
  signs: Signs;
  /** What the frames of the main video show. */
  look: Look;
  /** The part that is looked at, if it is not all of the file. */
  window?: Window;
}

export type Found = Omit<Item, 'kind'>;

/** How things of one kind are found and compared. */
export interface Finder {
  find(source: Probed): Found[];
  /** Whether verify compares it with the plan. */
  compared: Compared;
  /** The oldest ffmpeg with which the fates in docs/footage.md hold. */
  since: string;
  /** One or more of its kind, for docs/footage.md. */
  examples: Found[];
}
