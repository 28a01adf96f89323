import type { Tools } from './tools.ts';

/**
 * Demuxers a source may be opened with. Everything that is a list of other files (hls, concat, dash), a device or a picture is
 * missing on purpose: ffmpeg 5.1 opens an HLS playlist named .mp4 and reads other local files through it.
 */
const FORMAT_WHITELIST =
  'mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,asf,flv,live_flv,ogg,mxf,dv,wtv,rm,nut';

/** 8192 x 8192: 8K passes, a bomb of 16000x16000 (1.5 GB of memory) does not. Measured in encoding.md section 5. */
export const MAX_PIXELS = 67_108_864;

/** First arguments of every ffmpeg and ffprobe call of ours. */
export function quiet(level = 'error'): string[] {
  return ['-hide_banner', '-v', level];
}

/**
 * Input arguments for a file from outside. The `file:` prefix with an absolute path keeps `concat:a|b.mov`, `-vf.mov` and the
 * like from being read as anything but a name.
 */
export function untrustedInput(path: string): string[] {
  return [
    '-protocol_whitelist',
    'file',
    '-format_whitelist',
    FORMAT_WHITELIST,
    '-max_pixels',
    String(MAX_PIXELS),
    '-i',
    fileUrl(path),
  ];
}

export function fileUrl(path: string): string {
  return `file:${path}`;
}

/** Every frame keeps its own time: without it ffmpeg 5.1 makes 240 frames of 158 (VFR) and two-pass loses count. */
export function keepFrameTimes(tools: Pick<Tools, 'options'>): string[] {
  return [tools.options.has('fps_mode') ? '-fps_mode' : '-vsync', 'passthrough'];
}

/**
 * The encoder's clock. Left alone it ticks once per frame of the average rate, and frames are moved to the next tick: by 16 ms
 * on a phone's HDR clip, and a first frame 6 ms late fell out of the file. With this one nothing moved on any clip, for x264,
 * x265 and SVT-AV1 alike, and their rate control took no harm.
 */
export const FINE_CLOCK = ['-enc_time_base', '1/90000'];

/** One interleave chunk a second instead of one per packet: 31.5 kB of tables become 19.9 kB on a 23 s clip. */
export function oneSecondChunks(tools: Pick<Tools, 'options'>): string[] {
  return tools.options.has('chunk_duration') ? ['-chunk_duration', '1000000'] : [];
}

/**
 * For decoding that shows whether all is there and how much of it, not what it looks like: a loop filter smooths what was decoded and
 * can find nothing wrong. A fifth of the time of H.264 and HEVC.
 */
export const WITHOUT_LOOP_FILTER = ['-skip_loop_filter', 'all'];
