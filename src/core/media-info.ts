/** Facts probed from a media file, the basis for planning, verifying and explaining. Times in seconds. */
import type { Item } from './inventory.ts';

export interface VideoTrack {
  index: number;
  codec: string;
  profile: string | undefined;
  /** Coded size; what a person sees is `displayWidth` x `displayHeight` (rotation and sample aspect ratio applied). */
  width: number;
  height: number;
  displayWidth: number;
  displayHeight: number;
  /** How often its shape changes; then `displayWidth` x `displayHeight` is what every shape is fitted into. */
  shapeChanges: number;
  /** Degrees clockwise: 0, 90, 180 or 270. */
  rotation: number;
  /** Width of a sample divided by its height; 1 for square pixels. */
  sampleAspect: number;
  pixelFormat: string;
  bitDepth: number;
  /** Average frames per second over the packets found, not the declared rate. */
  fps: number;
  /** The largest gap between neighbouring frames exceeds the smallest by more than the container's clock explains. */
  variableFrameRate: boolean;
  /** Where two packets are the fields of one frame, they count as one. */
  frames: number;
  /** Frames before the first visible one, hidden by an edit list; not counted in `frames`. */
  hiddenFrames: number;
  /** How many of them do not say when they are shown; absent if all do. */
  untimedFrames?: number | undefined;
  /** How long the frame that is shown last stays, seconds. */
  lastFrameS: number;
  /** Ticks per second of its clock in the container; absent where a tick is no whole part of a second. */
  ticksPerS: number | undefined;
  /** Sum of the packets: the track without its container. */
  bytes: number;
  interlaced: boolean;
  /** Which field comes first, where the frames consist of fields and do not say so themselves. */
  unsaidFields?: 'tff' | 'bff' | undefined;
  hdr: 'sdr' | 'pq' | 'hlg';
  color: { primaries?: string; transfer?: string; space?: string; range?: string };
}

export interface AudioTrack {
  index: number;
  codec: string;
  /** This ffmpeg can decode it; if not, all that is possible is to leave it out. */
  isDecodable: boolean;
  channels: number;
  /** ffprobe's name for the places of the loudspeakers (`5.1(side)`); absent where the file does not say. */
  layout: string | undefined;
  sampleRate: number;
  /** Average bits per second over the packets found. */
  bitrate: number | undefined;
  /** Sum of the packets: the track without its container. */
  bytes: number;
  /** From its first packet to its end; `undefined` if it has no packets. It may be far longer or shorter than the picture. */
  lengthS: number | undefined;
  /** An edit list joins parts of it, or its packets are out of order: copied, it would be heard in the order they are stored in. */
  isCut?: boolean | undefined;
  /** Presentation time of the first sample; differs from the video's by the offset that keeps sound and picture together. */
  startS: number;
  language: string | undefined;
  title: string | undefined;
}

export interface SubtitleTrack {
  index: number;
  codec: string;
  /** Text can be converted to mov_text for MP4; bitmaps cannot. */
  text: boolean;
  language: string | undefined;
  /** What it is for, in ffmpeg's words: `forced`, `hearing_impaired`. */
  roles?: string[];
}

export interface MediaFacts {
  container: string;
  bytes: number;
  /** From packet timestamps of the main video track; a forged container header does not count. */
  durationS: number;
  /** Smallest presentation time of the main video track. */
  startS: number;
  /** Present if only a part of the file is looked at: the times, frames, bytes and tracks beside it are those of the part. */
  window?: Window;
  /** How often the picture's timestamps jump back by more than a second, as in carelessly joined recordings. */
  clockJumps: number;
  /** How long its sections take in a row, seconds; absent in an older record. */
  runsS?: number | undefined;
  video: VideoTrack;
  audio: AudioTrack[];
  subtitles: SubtitleTrack[];
  /** Everything it holds, for the promise that nothing is lost in silence. */
  inventory: Item[];
  chapters: number;
  /** Where the picture can be cut, in order; empty if its frames have no timestamps. At most a few hundred, evenly spread. */
  cuts: Cut[];
  creationTime: string | undefined;
  location: string | undefined;
  /** The first of them, shortened: the journal keeps them. */
  tags: Record<string, string>;
  /** Names and values of all of them, bytes. */
  tagBytes: number;
}

/** The part of a file that facts are about, on the file's own clock. */
export interface Window {
  /** Between its first picture and the one before it; absent if it begins with the file's first. */
  fromS: number | undefined;
  /** Between its last picture and the next; absent if it ends with the file's last. */
  toS: number | undefined;
  /** Presentation time of the picture before its first. */
  beforeS: number | undefined;
  /** Those of the whole file. */
  sourceStartS: number;
  sourceDurationS: number;
  /** The bytes of the file that belong to it, by the bytes of its packets. */
  bytes: number;
}

/** A place between two frames where the picture can be cut into parts that are encoded one after the other. */
export interface Cut {
  /** Presentation times of the first frame after the cut and of the last one before it. */
  atS: number;
  beforeS: number;
  /** Number of frames shown before it. */
  frame: number;
  /** The frame after it is a keyframe: decoding can start right there. */
  key: boolean;
}
