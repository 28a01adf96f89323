/** What an independent look finds in a file. Times are in seconds after the first picture. */

export interface Seen {
  bytes: number;
  container: string;
  /** Decoding stopped or complained; empty where every frame and sample decoded. */
  complaints: string;
  picture?: SeenPicture;
  sounds: SeenSound[];
  subtitles: SeenSubtitles[];
  chapters: string[];
  /** In small letters, technical ones left out. */
  tags: Record<string, string>;
  /** Tracks and marks that have no column of their own. */
  others: Other[];
}

/** Things that are there or not. */
export type Other =
  | 'cover art'
  | 'another picture track'
  | 'an attachment'
  | 'a data track'
  | 'an empty sound track'
  | 'subtitles made of pictures'
  | 'captions'
  | 'HDR'
  | 'Dolby Vision'
  | '360 degrees'
  | '3D views'
  | 'a second eye'
  | 'transparency'
  | 'a finer colour depth'
  | 'half-pictures'
  | 'combs';

/** Width and height of the raster that every frame is reduced to. */
export const RASTER = { width: 12, height: 8 } as const;
export const RASTER_BYTES = RASTER.width * RASTER.height * 3;

export interface SeenPicture {
  codec: string;
  /** Width by height as shown: turned upright, with square pixels. */
  aspect: number;
  /** Pixels of its shorter side. */
  lines: number;
  /** Its clock starts again somewhere: when things come is a matter of opinion. */
  jumps: boolean;
  /** How many different sizes its frames have. */
  shapes: number;
  times: number[];
  /** RASTER_BYTES of red, green and blue for each frame, as a player shows it. */
  rasters: Buffer;
  /** From the first picture to the end of the last. */
  lengthS: number;
}

export interface SeenSound {
  codec: string;
  channels: number;
  layout: string;
  /** Three letters, `und` where nothing is said. */
  language: string;
  /** Its name, or the name of its handler. */
  title: string;
  decodable: boolean;
  /** When the first of the windows below begins. */
  fromS: number;
  /** Per channel: loudness of each window, and of its high notes, in dB below full scale. */
  levels: { loud: number[]; high: number[] }[];
}

/** Windows of sound. */
export const WINDOW_S = 0.005;

export interface SeenSubtitles {
  codec: string;
  language: string;
  cues: { startS: number; text: string }[];
}
