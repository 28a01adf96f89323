/**
 * Which hardware encoders work here, by trial: what drivers and chips claim, and what a user may open, is known only once a second of
 * picture has gone through. docs/hardware.md
 */
import { access, constants, readdir, readFile, stat } from 'node:fs/promises';
import { isShrinkError } from '../../core/errors.ts';
import type { Sentence } from '../../core/message.ts';
import { say } from '../../messages/say.ts';
import { isInContainer } from '../../platform/container.ts';
import { errnoOf } from '../../platform/files/files.ts';
import { ChildEnd, lastWords } from '../../platform/process/exit-status.ts';
import { driverEnvironment, runChild } from '../../platform/process/run-child.ts';
import { userName } from '../../platform/user.ts';
import {
  deviceArgs,
  hardwareArgs,
  type HardwareEncoder,
  type HardwareKind,
  type HardwareMode,
  hardwareName,
  type HardwareRate,
  modesOf,
  uploadFilters,
} from './hardware-args.ts';

/** What was asked for, and what a trial of it showed. */
export interface Hardware {
  /** One for each codec at most, in the order of the trials. */
  encoders: HardwareEncoder[];
  /** What `doctor` says, and the log at the start. */
  findings: HardwareFinding[];
}

export interface HardwareFinding {
  isGood: boolean;
  said: Sentence;
  /** What to do about it. */
  fix?: Sentence;
}

export interface HardwareRequest {
  ffmpeg: string;
  /** As `-encoders` lists them. */
  encoders: ReadonlySet<string>;
  hardware: HardwareKind | 'auto';
  device?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** A second of picture. A driver that needs longer than this for it hangs. */
const TRIAL_MS = 20_000;
const CODECS = ['h264', 'h265'] as const;
const DRI = '/dev/dri';

/** Tries what was asked for; with `auto` each kind that this machine may have, until one can be asked for a bit rate. Takes seconds. */
export async function findHardware(request: HardwareRequest): Promise<Hardware> {
  const kinds = request.hardware === 'auto' ? await likelyKinds() : [request.hardware];
  if (kinds.length === 0) return { encoders: [], findings: [{ isGood: false, ...noDevice(DRI) }] };
  const tried: Hardware[] = [];
  for (const kind of kinds) {
    const found = await tryKind(kind, request);
    if (found.encoders.some(one => one.modes.includes('vbr'))) return found;
    tried.push(found);
  }
  const best = tried.find(one => one.encoders.length > 0);
  return best ?? { encoders: [], findings: tried.flatMap(one => one.findings) };
}

/** Kinds whose devices are here, the better encoder first. */
async function likelyKinds(): Promise<HardwareKind[]> {
  if (process.platform === 'darwin') return ['videotoolbox'];
  const [render] = await renderNodes();
  const vendor = render
    ? await readFile(`/sys/class/drm/${render.slice(DRI.length + 1)}/device/vendor`, 'utf8').catch(() => '')
    : '';
  const isThere: Readonly<Record<HardwareKind, boolean>> = {
    nvenc: await exists('/dev/nvidiactl'),
    qsv: render !== undefined && vendor.trim() === INTEL,
    vaapi: render !== undefined,
    rkmpp: await exists('/dev/mpp_service'),
    videotoolbox: false,
  };
  return (['nvenc', 'qsv', 'vaapi', 'rkmpp'] as const).filter(kind => isThere[kind]);
}

const INTEL = '0x8086';

async function renderNodes(): Promise<string[]> {
  const names = await readdir(DRI).catch(() => []);
  return names
    .filter(name => name.startsWith('renderD'))
    .toSorted()
    .map(name => `${DRI}/${name}`);
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/** The device node that a kind opens; `undefined` where the driver finds it. */
async function deviceOf(kind: HardwareKind, device: string | undefined): Promise<string | undefined> {
  if (kind !== 'vaapi' && kind !== 'qsv') return device;
  return device ?? (await renderNodes())[0] ?? `${DRI}/renderD128`;
}

async function tryKind(kind: HardwareKind, request: HardwareRequest): Promise<Hardware> {
  const names = CODECS.map(codec => hardwareName(kind, codec)).filter(name => request.encoders.has(name));
  if (names.length === 0)
    return refused(
      say('media.hardware-not-built', { program: request.ffmpeg, kind }),
      say('media.hardware-not-built-hint'),
    );
  const device = await deviceOf(kind, request.device);
  const closed = device?.startsWith('/') ? await whyClosed(device) : undefined;
  if (closed) return { encoders: [], findings: [{ isGood: false, ...closed }] };
  const encoders: HardwareEncoder[] = [];
  const findings: HardwareFinding[] = [];
  for (const codec of CODECS) {
    const name = hardwareName(kind, codec);
    if (!names.includes(name)) continue;
    const encoder = { name, kind, codec, ...(device !== undefined && { device }) };
    const { modes, why, isOver } = await tryModes(encoder, request);
    if (modes.length > 0) encoders.push({ ...encoder, modes });
    findings.push(await findingFor({ ...encoder, modes }, why));
    if (isOver) break;
  }
  return { encoders, findings };
}

function refused(said: Sentence, fix: Sentence): Hardware {
  return { encoders: [], findings: [{ isGood: false, said, fix }] };
}

interface Modes {
  modes: HardwareMode[];
  /** What ffmpeg said of the first that failed. */
  why?: string;
  /** Nothing else of this kind will work. */
  isOver: boolean;
}

async function tryModes(encoder: Omit<HardwareEncoder, 'modes'>, request: HardwareRequest): Promise<Modes> {
  const modes: HardwareMode[] = [];
  let first: string | undefined;
  for (const mode of modesOf(encoder.kind)) {
    const why = await whyNot(encoder, mode, request);
    if (why === undefined) modes.push(mode);
    else first ??= why;
    if (why !== undefined && saysOf(why) !== 'other') return { modes, why, isOver: saysOf(why) !== 'entrypoint' };
  }
  return { modes, isOver: false, ...(first !== undefined && { why: first }) };
}

/** One trial: through the filters of a job, 8 bit. */
export function trialArgs(encoder: Omit<HardwareEncoder, 'modes'>, mode: HardwareMode): string[] {
  const rate: HardwareRate = mode === 'vbr' ? { mode, bitsPerSecond: 500_000 } : { mode, quality: 26 };
  return [
    ...['-hide_banner', '-nostdin', '-v', 'error', ...deviceArgs(encoder)],
    ...['-f', 'lavfi', '-i', 'testsrc2=size=320x240:rate=25:duration=1'],
    ...['-filter:v', `setsar=1,format=yuv420p,${uploadFilters(encoder)}`],
    ...hardwareArgs(encoder, rate),
    ...['-f', 'null', '-'],
  ];
}

/** What it said when it failed; `undefined` if it worked. */
async function whyNot(
  encoder: Omit<HardwareEncoder, 'modes'>,
  mode: HardwareMode,
  { ffmpeg, signal }: HardwareRequest,
): Promise<string | undefined> {
  try {
    await runChild({
      command: ffmpeg,
      args: trialArgs(encoder, mode),
      doing: say('media.doing-try-hardware', { encoder: encoder.name }),
      env: driverEnvironment(),
      timeoutMs: TRIAL_MS,
      signal,
    });
    return undefined;
  } catch (error) {
    if (!isShrinkError(error) || error.code === 'cancelled') throw error;
    const said = error.cause instanceof ChildEnd ? error.cause.stderrTail : '';
    if (error.code === 'timed-out') return HANGS;
    return said.trim() || error.message;
  }
}

const HANGS = 'hangs';

type Says = 'denied' | 'missing' | 'driver' | 'entrypoint' | 'hangs' | 'other';

/** What ffmpeg's words mean. Pure. */
export function saysOf(said: string): Says {
  if (said === HANGS) return 'hangs';
  if (/Permission denied|Operation not permitted/i.test(said)) return 'denied';
  if (/entrypoint|No usable encoding profile|not support the required|No capable devices/i.test(said))
    return 'entrypoint';
  if (/No such file or directory|No VA display found for device/i.test(said)) return 'missing';
  if (DRIVER.test(said)) return 'driver';
  return 'other';
}

const DRIVER =
  /va_openDriver|Failed to initialise VAAPI|unknown libva error|Cannot load|MFX session|libnvidia|CUDA_ERROR|mpp_create|No device available/i;

/** What is said of an encoder that works. */
export function worksFinding({ name, modes }: HardwareEncoder): HardwareFinding {
  const found = { encoder: name, modes: modes.join(', ') };
  if (modes.includes('vbr')) return { isGood: true, said: say('media.hardware-works', found) };
  const fix = say('media.hardware-quality-only-hint');
  return { isGood: true, said: say('media.hardware-quality-only', found), fix };
}

async function findingFor(encoder: HardwareEncoder, why: string | undefined): Promise<HardwareFinding> {
  const { name, modes, device = name } = encoder;
  if (modes.length > 0) return worksFinding(encoder);
  switch (saysOf(why ?? '')) {
    case 'denied':
      return { isGood: false, ...(await denied(device)) };
    case 'missing':
      return { isGood: false, ...noDevice(device) };
    case 'driver':
      return {
        isGood: false,
        said: say('media.hardware-no-driver', { encoder: name, said: lastWords(why ?? '') }),
        fix: say('media.hardware-driver-hint', { kind: encoder.kind }),
      };
    case 'entrypoint':
      return {
        isGood: false,
        said: say('media.hardware-cannot', { encoder: name, said: lastWords(why ?? '') }),
        fix: say('media.hardware-cannot-hint', { kind: encoder.kind }),
      };
    case 'hangs':
      return {
        isGood: false,
        said: say('media.hardware-hangs', { encoder: name, ms: TRIAL_MS }),
        fix: say('media.hardware-failed-hint'),
      };
    case 'other':
      return {
        isGood: false,
        said: say('media.hardware-failed', { encoder: name, said: lastWords(why ?? '') }),
        fix: say('media.hardware-failed-hint'),
      };
  }
}

/** Why the device cannot be opened by us; `undefined` if it can. */
async function whyClosed(device: string): Promise<Omit<HardwareFinding, 'isGood'> | undefined> {
  try {
    await access(device, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return errnoOf(error) === 'EACCES' ? await denied(device) : noDevice(device);
  }
}

function noDevice(device: string): Omit<HardwareFinding, 'isGood'> {
  const where = isInContainer() ? 'container' : 'host';
  return {
    said: say('media.hardware-no-device', { device }),
    fix: say('media.hardware-no-device-hint', { device, where }),
  };
}

/** With the one line that gives access: the group that owns the device, by its name, or by its number where it has none here. */
async function denied(device: string): Promise<Omit<HardwareFinding, 'isGood'>> {
  const gid = await stat(device).then(
    found => found.gid,
    () => undefined,
  );
  const user = userName();
  if (gid === undefined || gid === 0) {
    return { said: say('media.hardware-denied', { device, user }), fix: say('media.hardware-denied-hint', { device }) };
  }
  const group = groupName(await readFile('/etc/group', 'utf8').catch(() => ''), gid);
  const said = say('media.hardware-denied-group', { device, user, gid, ...(group !== undefined && { group }) });
  if (isInContainer()) return { said, fix: say('media.hardware-group-in-container', { gid }) };
  return { said, fix: say('media.hardware-group', { user, gid, ...(group !== undefined && { group }) }) };
}

/** `render:x:105:` */
export function groupName(groups: string, gid: number): string | undefined {
  return new RegExp(`^([^:]+):[^:]*:${gid}:`, 'm').exec(groups)?.[1];
}
