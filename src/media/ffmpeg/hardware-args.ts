/**
 * Command lines of hardware encoders: pure, and the same for the trial and for a job. The source is decoded and filtered by the
 * processor, so rotation, HDR and frame times are as ever; only finished frames go to the device. docs/hardware.md
 */

/** Ways to reach a hardware encoder, as `local.hardware` names them. */
export const HARDWARE_KINDS = ['vaapi', 'qsv', 'nvenc', 'videotoolbox', 'rkmpp'] as const;
export type HardwareKind = (typeof HARDWARE_KINDS)[number];

/** What an encoder can be asked for: a bit rate; a quality that it holds by itself (ICQ, CQ); one quantiser for all frames (CQP). */
export const HARDWARE_MODES = ['vbr', 'quality', 'cqp'] as const;
export type HardwareMode = (typeof HARDWARE_MODES)[number];

/** An encoder whose trial encodes worked. Survives JSON. */
export interface HardwareEncoder {
  /** As ffmpeg calls it: `h264_vaapi`. */
  name: string;
  kind: HardwareKind;
  codec: 'h264' | 'h265';
  /** `/dev/dri/renderD128`; of nvenc a number; absent where the driver finds it by itself. */
  device?: string;
  /** Those that worked, never empty. */
  modes: HardwareMode[];
}

/** `quality` is on the scale of x264's CRF. */
export type HardwareRate = { mode: 'vbr'; bitsPerSecond: number } | { mode: 'quality' | 'cqp'; quality: number };

export function hardwareName(kind: HardwareKind, codec: HardwareEncoder['codec']): string {
  return `${codec === 'h264' ? 'h264' : 'hevc'}_${kind}`;
}

/** Opens the device; comes before the input. */
export function deviceArgs({ kind, device }: Pick<HardwareEncoder, 'kind' | 'device'>): string[] {
  const at = device === undefined ? '' : `:${device}`;
  switch (kind) {
    case 'vaapi':
      return ['-init_hw_device', `vaapi=gpu${at}`, '-filter_hw_device', 'gpu'];
    case 'qsv':
      return ['-init_hw_device', `vaapi=va${at}`, '-init_hw_device', 'qsv=gpu@va', '-filter_hw_device', 'gpu'];
    case 'nvenc':
    case 'videotoolbox':
    case 'rkmpp':
      return [];
  }
}

/** The end of the filters. AMD's driver takes nothing but nv12. The others fetch frames from memory by themselves. */
export function uploadFilters({ kind }: Pick<HardwareEncoder, 'kind'>): string {
  switch (kind) {
    case 'vaapi':
      return 'format=nv12,hwupload';
    case 'qsv':
      return 'format=nv12,hwupload=extra_hw_frames=64';
    case 'nvenc':
    case 'videotoolbox':
    case 'rkmpp':
      return 'format=nv12';
  }
}

/** The encoder and what it is asked for. A peak of twice the rate lets busy scenes have more than calm ones. */
export function hardwareArgs(encoder: Omit<HardwareEncoder, 'modes'>, rate: HardwareRate): string[] {
  const { name, kind, device } = encoder;
  const gpu = kind === 'nvenc' && device !== undefined ? ['-gpu', device] : [];
  return ['-c:v', name, ...gpu, ...(rate.mode === 'vbr' ? bitRate(kind, rate.bitsPerSecond) : quality(kind, rate))];
}

function bitRate(kind: HardwareKind, bitsPerSecond: number): string[] {
  const rate = Math.floor(bitsPerSecond);
  const peak = ['-b:v', String(rate), '-maxrate', String(2 * rate), '-bufsize', String(2 * rate)];
  switch (kind) {
    case 'vaapi':
    case 'rkmpp':
      return ['-rc_mode', 'VBR', ...peak];
    case 'nvenc':
      return ['-rc', 'vbr', ...peak];
    case 'qsv':
      return peak;
    case 'videotoolbox':
      // Beside -q:v it would be ignored, and its -pass 1 leaves an empty log.
      return ['-b:v', String(rate)];
  }
}

function quality(kind: HardwareKind, { mode, quality: crf }: Extract<HardwareRate, { quality: number }>): string[] {
  const whole = String(Math.round(Math.min(51, Math.max(1, crf))));
  switch (kind) {
    case 'vaapi':
      return mode === 'cqp' ? ['-rc_mode', 'CQP', '-qp', whole] : ['-rc_mode', 'ICQ', '-global_quality', whole];
    case 'qsv':
      return mode === 'cqp' ? ['-q:v', whole] : ['-global_quality', whole];
    case 'nvenc':
      return mode === 'cqp' ? ['-rc', 'constqp', '-qp', whole] : ['-rc', 'vbr', '-cq', whole, '-b:v', '0'];
    case 'rkmpp':
      return ['-rc_mode', 'CQP', '-qp_init', whole];
    case 'videotoolbox':
      // From 1 to 100, where more is better.
      return ['-q:v', String(Math.round(Math.min(100, Math.max(1, 100 - 2 * crf))))];
  }
}

/** Modes the kind knows at all. */
export function modesOf(kind: HardwareKind): readonly HardwareMode[] {
  switch (kind) {
    case 'videotoolbox':
      return ['vbr', 'quality'];
    case 'rkmpp':
      return ['vbr', 'cqp'];
    case 'vaapi':
    case 'qsv':
    case 'nvenc':
      return HARDWARE_MODES;
  }
}
