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
  frames: number;
  /** Frames before the first visible one, hidden by an edit list; not counted in `frames`. */
  hiddenFrames: number;
  /** Sum of the packets: the track without its container. */
  bytes: number;
  interlaced: boolean;
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
}

export interface MediaFacts {
  container: string;
  bytes: number;
  /** From packet timestamps of the main video track; a forged container header does not count. */
  durationS: number;
  /** Smallest presentation time of the main video track. */
  startS: number;
  /** How often the picture's timestamps jump back by more than a second, as in carelessly joined recordings. */
  clockJumps: number;
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
