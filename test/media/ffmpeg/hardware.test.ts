import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AbilityCache } from '../../../src/media/ffmpeg/ability-cache.ts';
import { findHardware, groupName, saysOf, trialArgs } from '../../../src/media/ffmpeg/hardware.ts';
import {
  hardwareArgs,
  type HardwareEncoder,
  type HardwareKind,
  uploadFilters,
} from '../../../src/media/ffmpeg/hardware-args.ts';
import { driverEnvironment } from '../../../src/platform/process/run-child.ts';

const encoder = (kind: HardwareKind, device?: string): Omit<HardwareEncoder, 'modes'> => ({
  ...{ name: `h264_${kind}`, kind, codec: 'h264' as const },
  ...(device !== undefined && { device }),
});

describe('a trial encode', () => {
  it('is a second of 320x240 through the filters of a job', () => {
    const args = trialArgs(encoder('vaapi', '/dev/dri/renderD128'), 'vbr').join(' ');
    expect(args).toContain('-init_hw_device vaapi=gpu:/dev/dri/renderD128 -filter_hw_device gpu');
    expect(args).toContain(
      'testsrc2=size=320x240:rate=25:duration=1 -filter:v setsar=1,format=yuv420p,format=nv12,hwupload',
    );
    expect(args).toContain('-c:v h264_vaapi -rc_mode VBR -b:v 500000 -maxrate 1000000');
  });

  it('asks each kind for each mode in its own words', () => {
    const ask = (kind: HardwareKind, mode: 'quality' | 'cqp') =>
      hardwareArgs(encoder(kind), { mode, quality: 26 }).slice(2).join(' ');
    expect(ask('vaapi', 'quality')).toBe('-rc_mode ICQ -global_quality 26');
    expect(ask('vaapi', 'cqp')).toBe('-rc_mode CQP -qp 26');
    expect(ask('qsv', 'quality')).toBe('-global_quality 26');
    expect(ask('qsv', 'cqp')).toBe('-q:v 26');
    expect(ask('nvenc', 'quality')).toBe('-rc vbr -cq 26 -b:v 0');
    expect(ask('nvenc', 'cqp')).toBe('-rc constqp -qp 26');
    expect(ask('videotoolbox', 'quality')).toBe('-q:v 48');
    expect(uploadFilters(encoder('nvenc'))).toBe('format=nv12');
  });

  it('VideoToolbox is never asked for a quality beside a bit rate, nor for a first pass', () => {
    const args = hardwareArgs(encoder('videotoolbox'), { mode: 'vbr', bitsPerSecond: 1_000_000 });
    expect(args).toEqual(['-c:v', 'h264_videotoolbox', '-b:v', '1000000']);
  });
});

describe('what ffmpeg says', () => {
  it.each([
    ['[AVHWDeviceContext @ 0x1] No VA display found for device /dev/dri/renderD128.', 'missing'],
    ['Failed to open /dev/dri/renderD128: Permission denied', 'denied'],
    ['[AVHWDeviceContext @ 0x1] Failed to initialise VAAPI connection: -1 (unknown libva error).', 'driver'],
    ['[h264_nvenc @ 0x1] Cannot load libnvidia-encode.so.1', 'driver'],
    ['[h264_qsv @ 0x1] Error initializing an internal MFX session: unsupported (-3)', 'driver'],
    ['[h264_vaapi @ 0x1] No usable encoding entrypoint found for profile VAProfileH264High (7).', 'entrypoint'],
    ['[h264_vaapi @ 0x1] Driver does not support VBR RC mode (supported modes: CQP).', 'other'],
  ])('%s: %s', (said, meaning) => expect(saysOf(said)).toBe(meaning));

  it('a device that is not there is named, and nothing is run', async () => {
    const found = await findHardware({
      ...{ ffmpeg: '/nowhere/ffmpeg', encoders: new Set(['h264_vaapi']) },
      ...{ hardware: 'vaapi', device: '/dev/dri/renderD999' },
    });
    expect(found.encoders).toEqual([]);
    expect(found.findings.map(one => one.said.text)).toEqual(['there is no /dev/dri/renderD999']);
  });

  it('a build without it is named', async () => {
    const found = await findHardware({ ffmpeg: '/nowhere/ffmpeg', encoders: new Set(['libx264']), hardware: 'qsv' });
    expect(found.findings[0]?.said.text).toBe('/nowhere/ffmpeg was built without qsv');
  });
});

it('the group of a device is named as the system does', () => {
  const groups = 'root:x:0:\nvideo:x:44:maria\nrender:x:105:\n';
  expect(groupName(groups, 105)).toBe('render');
  expect(groupName(groups, 5)).toBeUndefined();
});

it('what worked is kept for the same program and request, and nothing else is believed', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'shrinkbox-hardware-'));
  try {
    const cache = new AbilityCache(dir, []);
    const works: HardwareEncoder = { ...encoder('vaapi', '/dev/dri/renderD128'), modes: ['vbr'] };
    await cache.writeHardware('vaapi', [works]);
    expect(await cache.readHardware('vaapi')).toEqual([works]);
    expect(await cache.readHardware('qsv')).toBeUndefined();
    await cache.writeHardware('vaapi', [{ ...works, modes: [] }]);
    expect(await cache.readHardware('vaapi')).toBeUndefined();
  } finally {
    await rm(dir, { recursive: true });
  }
});

it('children on a device get the variables of its driver, and no secrets', () => {
  process.env['LIBVA_DRIVER_NAME'] = 'iHD';
  process.env['NEMO_TOKEN_OF_A_TEST'] = 'secret';
  try {
    const env = driverEnvironment();
    expect(env['LIBVA_DRIVER_NAME']).toBe('iHD');
    expect(Object.keys(env)).not.toContain('NEMO_TOKEN_OF_A_TEST');
    expect(env['LC_ALL']).toBe('C');
  } finally {
    delete process.env['LIBVA_DRIVER_NAME'];
    delete process.env['NEMO_TOKEN_OF_A_TEST'];
  }
});
