import { formatBytes } from '../../core/units.ts';

/** A thing in a file, by its kind and what tells it from another of that kind. */
interface Holding {
  kind: string;
  value: string;
}

/** What a result was checked for, and what it failed; the complaints are ends of a sentence about the result. */
export const VERIFY_EN = {
  'verify.failed': ({ complaints }: { complaints: string }) => `the result failed verification: ${complaints}`,
  'verify.failed-hint':
    'Nothing was delivered and the original is untouched. Try again with `shrinkbox retry`; if it fails again, please report it.',
  'verify.stopped': 'stopped while the result was checked',
  'verify.evidence': (p: {
    frames: number;
    seconds: number;
    width: number;
    height: number;
    codec: string;
    bytes: number;
  }) => `decoded ${p.frames} frames, ${p.seconds.toFixed(2)} s, ${p.width}x${p.height} ${p.codec}, ${p.bytes} bytes`,

  'verify.doing': 'verifying',
  'verify.doing-decode': 'decoding the result',
  'verify.doing-read': 'reading the result',

  'verify.unplayable': ({ error }: { error: string }) => `it does not play to the end: ${error}`,
  'verify.empty': 'the file is empty',
  'verify.bytes-changed': ({ bytes, expected }: { bytes: number; expected: number }) =>
    `it has ${bytes} bytes on disk, but was made with ${expected}`,
  'verify.too-large': ({ bytes, maxBytes }: { bytes: number; maxBytes: number }) =>
    `it has ${bytes} bytes (${formatBytes(bytes)}), more than the ${maxBytes} allowed (${formatBytes(maxBytes)})`,
  'verify.undecodable': ({ decoded, frames }: { decoded: number; frames: number }) =>
    `only ${decoded} of its ${frames} frames can be decoded`,
  'verify.duration': ({ seconds, expected }: { seconds: number; expected: number }) =>
    `it lasts ${seconds.toFixed(3)} s instead of ${expected.toFixed(3)} s`,
  'verify.dimensions': (p: { width: number; height: number; expectedWidth: number; expectedHeight: number }) =>
    `its picture is ${p.width}x${p.height} instead of ${p.expectedWidth}x${p.expectedHeight}`,
  'verify.frames': ({ frames, expected }: { frames: number; expected: number }) =>
    `it has ${frames} frames instead of ${expected}`,
  'verify.audio-tracks': ({ count, expected }: { count: number; expected: number }) =>
    `it has ${count} sound track${count === 1 ? '' : 's'} instead of ${expected}`,
  'verify.subtitle-tracks': ({ count, expected }: { count: number; expected: number }) =>
    `it has ${count} subtitle track${count === 1 ? '' : 's'} instead of ${expected}`,
  'verify.lacks': ({ kind, value }: Holding) => `it lacks what the plan says it holds: ${kind} (${value})`,
  'verify.holds-unplanned': ({ kind, value }: Holding) => `it holds what the plan does not say: ${kind} (${value})`,
  'verify.moved': (p: Holding & { startS: number; endS: number; expectedStartS: number; expectedEndS: number }) =>
    `its ${p.kind} (${p.value}) lasts from ${p.startS.toFixed(2)} to ${p.endS.toFixed(2)} s instead of ` +
    `${p.expectedStartS.toFixed(2)} to ${p.expectedEndS.toFixed(2)} s`,
  'verify.frame-rate': ({ fps, maxFps }: { fps: number; maxFps: number }) =>
    `it has ${fps.toFixed(2)} frames per second, more than ${maxFps}`,
  'verify.codec': ({ codec, expected }: { codec: string; expected: string }) =>
    `its codec is ${codec}; expected ${expected}`,
  'verify.container': ({ container }: { container: string }) => `its container is ${container}, not MP4`,
  'verify.late-index': 'its index does not come first, so playback cannot start before all of it is loaded',
  'verify.decoder-errors': ({ count }: { count: number }) =>
    `its decoder reported ${count} error${count === 1 ? '' : 's'}`,
};
