/**
 * Short clips for tests, made by ffmpeg itself (lavfi) and kept for the run: nothing is committed, nothing is downloaded. A
 * clip lives in a folder named after the hash of its recipe and of the ffmpeg that made it; it appears there by one rename, so
 * test files running side by side can share it.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, copyFile, mkdir, mkdtemp, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { keepFrameTimes } from '../../src/media/ffmpeg/args.ts';
import { findTools, type Tools } from '../../src/media/ffmpeg/tools.ts';
import { box, dolbyVision, entryPath, EQUIRECTANGULAR, SIDE_BY_SIDE, withBox } from './boxes.ts';
import { withCaptions } from './captions.ts';

interface Recipe {
  /** What it is good for, a sentence. */
  about: string;
  /** Name of the resulting file. */
  file: string;
  /** Encoders or filters ffmpeg must have; `footage` throws without them, `canMake` says so before. */
  needs?: { encoders?: string[]; filters?: string[] };
  /** Arguments up to the output, `{dir}` stands for the folder it is made in. Or other files to start from, and how. */
  args?: string[];
  /** Written before ffmpeg runs, by name. */
  beside?: Record<string, string>;
  /** Made by hand from other clips. */
  make?: (output: string, clip: Clip) => Promise<void>;
}

type Clip = (name: string) => Promise<string>;

/** Noise over moving shapes: needs bits wherever it is scaled to, and every frame differs. */
const moving = (size: string, rate: string, seconds: number) =>
  `testsrc2=size=${size}:rate=${rate}:duration=${seconds},noise=alls=6:allf=t`;
/** Sideways: with fields, every edge has combs. */
const sliding = (size: string, rate: string, seconds: number) =>
  `testsrc=size=${size}:rate=${rate}:duration=${seconds},boxblur=4,scroll=horizontal=0.008`;
const FLASH =
  "color=black:size=320x180:rate=25:duration=4,noise=alls=8:allf=t,drawbox=color=white:t=fill:enable='between(t,2,2.15)'";
const BEEP = "aevalsrc='if(between(t,2,2.2),sin(2764*t),0)':sample_rate=48000:duration=4";
const tone = (hz: number, seconds: number) => `sine=frequency=${hz}:sample_rate=48000:duration=${seconds}`;

/** Arguments without blanks in them, as one would type them. */
const words = (line: string) => line.split(' ');
const lavfi = (...sources: string[]) => sources.flatMap(source => ['-f', 'lavfi', '-i', source]);
/** Every frame keeps its time; replaced by the option this ffmpeg has. */
const PASSTHROUGH = ['{passthrough}'];
const fastH264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '23', '-pix_fmt', 'yuv420p'];
const aac = ['-c:a', 'aac', '-b:a', '128k'];
const plain = [...lavfi(moving('640x360', '30', 6), tone(440, 6)), ...fastH264, '-g', '60', ...aac];
const SIX_TONES = `aevalsrc=${[200, 300, 400, 60, 700, 900].map((hz, n) => `${0.3 - 0.04 * n}*sin(${Math.round(6.2832 * hz)}*t)`).join('|')}:channel_layout=5.1:sample_rate=48000:duration=3`;

/** FLASH, and BEEP from that many seconds before it on, for as long as the film. */
const soundFirst = (seconds: string) => [
  ...['-itsoffset', seconds, ...lavfi(FLASH), ...lavfi(BEEP.replace('duration=4', 'duration=7')), '-t', '7'],
  ...[...fastH264, '-bf', '2', '-preset', 'veryfast'],
];

const SRT = '1\n00:00:00,500 --> 00:00:02,000\nHello there\n\n2\n00:00:02,500 --> 00:00:03,500\nGood-bye\n';
const CHAPTERS =
  ';FFMETADATA1\ntitle=Two halves\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=2000\ntitle=First\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=2000\nEND=4000\ntitle=Second\n';

const RECIPES = {
  plain: {
    about: 'Six seconds of H.264 and AAC in MP4, 640x360 at 30 frames a second, index at the end as cameras write it.',
    file: 'plain.mp4',
    args: plain,
  },
  tiny: {
    about: 'One second, 160x90, a few kB: for tests that only need some video.',
    file: 'tiny.mp4',
    args: [...lavfi('testsrc2=size=160x90:rate=15:duration=1', tone(440, 1)), ...fastH264, ...aac],
  },
  silent: {
    about: 'A clip without a sound track.',
    file: 'silent.mp4',
    args: [...lavfi(moving('320x180', '25', 3)), ...fastH264],
  },
  slow: {
    about: 'Six minutes at three frames a second: long enough to be cut into parts, and quickly encoded.',
    file: 'slow.mp4',
    args: [...lavfi(moving('192x108', '3', 370)), ...fastH264, '-g', '30'],
  },
  faststart: { about: 'The index comes first.', file: 'faststart.mp4', args: [...plain, '-movflags', '+faststart'] },
  fragmented: {
    about: 'A fragmented MP4, as browsers record it.',
    file: 'fragmented.mp4',
    args: [...plain, '-movflags', 'frag_keyframe+empty_moov'],
  },
  vfr: {
    about: 'Variable frame rate in Matroska: of every ten frames, three are missing.',
    file: 'vfr.mkv',
    args: [
      ...lavfi(
        `${moving('320x180', '30', 5)},select='not(eq(mod(n\\,10)\\,3)+eq(mod(n\\,10)\\,4)+eq(mod(n\\,10)\\,8))'`,
        tone(300, 5),
      ),
      ...fastH264,
      ...PASSTHROUGH,
      ...aac,
    ],
  },
  odd: {
    about: 'Odd width and height, 4:4:4.',
    file: 'odd.mkv',
    args: [
      ...lavfi(`${moving('322x182', '25', 3)},format=yuv444p,crop=321:181:0:0:exact=1`, tone(300, 3)),
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-pix_fmt',
      'yuv444p',
      ...aac,
    ],
  },
  rotated: {
    about: 'Stored as 640x360, to be shown turned by 90 degrees, as phones film upright.',
    file: 'rotated.mov',
    make: async (output: string, clip: Clip): Promise<void> => {
      const bytes = await readFile(await clip('plain'));
      // The matrix of the first track header (identity there) is turned by hand: how to ask ffmpeg for it changed over the versions.
      const header = bytes.indexOf('tkhd');
      const matrix = header + 4 + 4 + 8 + 4 + 4 + 4 + 8 + 8;
      const turned = [0, 0x10000, 0, -0x10000, 0, 0, 360 * 0x10000, 0, 0x40000000];
      turned.forEach((value, at) => bytes.writeInt32BE(value, matrix + 4 * at));
      await writeFile(output, bytes);
    },
  },
  anamorphic: {
    about: 'Stored as 360x288, to be shown as 16:9 (512x288).',
    file: 'anamorphic.mp4',
    args: [...lavfi(`${moving('360x288', '25', 3)},setsar=64/45`, tone(300, 3)), ...fastH264, ...aac],
  },
  tracks: {
    about: 'Two sound tracks (German, English, one of them FLAC) and two text subtitle tracks in Matroska.',
    file: 'tracks.mkv',
    beside: { 'one.srt': SRT, 'two.srt': SRT.replace('Hello', 'Hallo') },
    args: [
      ...lavfi(moving('320x180', '25', 4), tone(300, 4), tone(500, 4)),
      ...words('-i {dir}/one.srt -i {dir}/two.srt'),
      ...words('-map 0 -map 1 -map 2 -map 3 -map 4'),
      ...fastH264,
      ...words('-c:a:0 aac -c:a:1 flac -c:s srt'),
      ...words('-metadata:s:a:0 language=ger -metadata:s:a:1 language=eng'),
      ...words('-metadata:s:s:0 language=eng -metadata:s:s:1 language=ger'),
    ],
  },
  hdr10: {
    about: 'HEVC with 10 bits, tagged as HDR10 (PQ, BT.2020).',
    file: 'hdr10.mp4',
    needs: { encoders: ['libx265'] },
    args: [
      ...lavfi(moving('320x180', '25', 2), tone(300, 2)),
      ...words('-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -tag:v hvc1'),
      ...words('-color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -color_range tv'),
      ...words('-x265-params log-level=error:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:range=limited'),
      ...aac,
    ],
  },
  fullRange444: {
    about: 'RGB screen recording colours: 4:4:4, full range.',
    file: 'full-range.mp4',
    args: [...lavfi(moving('320x180', '30', 3)), '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuvj444p'],
  },
  interlaced: {
    about: 'MPEG-2 with fields, as DVDs and old camcorders have it.',
    file: 'interlaced.mpg',
    args: [
      ...lavfi(`${moving('352x288', '50', 3)},interlace=scan=tff`, tone(300, 3)),
      ...words('-c:v mpeg2video -flags +ilme+ildct -b:v 3M -c:a mp2 -b:a 128k'),
    ],
  },
  dv: {
    about: 'A MiniDV tape: fields, of which the container says nothing.',
    file: 'tape.dv',
    needs: { encoders: ['dvvideo'] },
    args: [...lavfi(`${sliding('720x576', '50', 2)},interlace=scan=bff:lowpass=0`, tone(300, 2)), '-target', 'pal-dv'],
  },
  dvWhole: {
    about: 'The same of whole pictures, which DV calls interlaced all the same.',
    file: 'whole.dv',
    needs: { encoders: ['dvvideo'] },
    args: [...lavfi(sliding('720x576', '25', 2), tone(300, 2)), '-target', 'pal-dv'],
  },
  captured: {
    about: 'From a capture card: fields, of which neither the container nor the codec says anything.',
    file: 'captured.avi',
    args: [...lavfi(`${sliding('352x288', '50', 2)},interlace=scan=tff:lowpass=0`), '-c:v', 'huffyuv'],
  },
  capturedWhole: {
    about: 'The same of whole pictures.',
    file: 'captured-whole.avi',
    args: [...lavfi(sliding('352x288', '25', 2)), '-c:v', 'huffyuv'],
  },
  fieldsMpeg4: {
    about: 'MPEG-4 whose frames say that they are interlaced, in an MP4 that does not.',
    file: 'fields.mp4',
    args: [
      ...lavfi(`${sliding('352x288', '50', 2)},interlace=scan=tff:lowpass=0`),
      ...words('-c:v mpeg4 -flags +ilme+ildct -q:v 4'),
    ],
  },
  fieldsLater: {
    about: 'A broadcast of whole pictures for two seconds, then of fields for two.',
    file: 'fields-later.ts',
    make: async (output: string): Promise<void> => {
      const { ffmpeg } = await realTools();
      const run = promisify(execFile);
      const h264 = words('-c:v libx264 -preset ultrafast -crf 20 -pix_fmt yuv420p -g 25 -f mpegts');
      const [whole, fields] = [`${output}.whole`, `${output}.fields`];
      const scan = ['-flags', '+ilme+ildct', '-x264-params', 'tff=1'];
      await run(ffmpeg, ['-v', 'error', ...lavfi(sliding('352x288', '25', 2)), ...h264, whole]);
      const halves = lavfi(`${sliding('352x288', '50', 2)},interlace=scan=tff:lowpass=0`);
      await run(ffmpeg, ['-v', 'error', ...halves, ...h264, ...scan, fields]);
      await run(ffmpeg, ['-v', 'error', '-i', `concat:${whole}|${fields}`, '-c', 'copy', output]);
      await Promise.all([rm(whole), rm(fields)]);
    },
  },
  fieldsH264: {
    about: 'Interlaced H.264 in a transport stream, as cameras record it.',
    file: 'fields.ts',
    args: [
      ...lavfi(`${sliding('352x288', '50', 3)},interlace=scan=tff:lowpass=0`, tone(300, 3)),
      ...words('-c:v libx264 -preset veryfast -g 25 -flags +ilme+ildct -x264-params tff=1'),
      ...aac,
    ],
  },
  transport: {
    about: 'MPEG-TS whose time stamps begin at ten hours, the sound 120 ms before the picture.',
    file: 'transport.ts',
    args: [
      ...lavfi(`${moving('320x180', '25', 4)},setpts=PTS+0.12/TB`, tone(300, 4.12)),
      ...fastH264,
      ...PASSTHROUGH,
      ...words('-g 25'),
      ...aac,
      ...words('-output_ts_offset 36000 -muxdelay 0'),
    ],
  },
  broadcast: {
    about:
      'MPEG-TS with keyframes eight seconds apart: a jump into it lands between two of them, and the decoder complains.',
    file: 'broadcast.ts',
    args: [
      ...lavfi(moving('192x108', '25', 24), tone(300, 24)),
      ...words(
        '-c:v libx264 -preset veryfast -crf 20 -pix_fmt yuv420p -g 200 -bf 3 -x264-params open-gop=1:scenecut=0',
      ),
      ...aac,
    ],
  },
  lateSound: {
    about: 'The sound begins half a second after the picture.',
    file: 'late-sound.mkv',
    args: [...lavfi(moving('320x180', '25', 4)), '-itsoffset', '0.5', ...lavfi(tone(300, 3.5)), ...fastH264, ...aac],
  },
  sync: {
    about: 'Black and silent, but for a white flash and a beep at the same moment, two seconds in.',
    file: 'sync.mkv',
    args: [...lavfi(FLASH, BEEP), ...fastH264, '-bf', '2', '-preset', 'veryfast', ...aac],
  },
  syncTransport: {
    about: 'The same in MPEG-TS, clocks at ten hours, the sound beginning 0.3 s before the picture.',
    file: 'sync.ts',
    args: [
      ...lavfi(FLASH, BEEP),
      ...words('-filter:v select=gte(t\\,0.3)'),
      ...PASSTHROUGH,
      ...fastH264,
      ...words('-g 10 -muxdelay 0 -output_ts_offset 36000'),
      ...aac,
    ],
  },
  syncLate: {
    about: 'The same with sound that begins 1.2 s after the picture.',
    file: 'sync-late.mkv',
    args: [...lavfi(FLASH, BEEP), '-filter:a', 'atrim=start=1.2', ...fastH264, ...words('-c:a flac')],
  },
  syncLateAac: {
    about: 'The same in a format that is copied rather than encoded.',
    file: 'sync-late-aac.mkv',
    args: [...lavfi(FLASH, BEEP), '-filter:a', 'atrim=start=1.2', ...fastH264, ...words('-c:a aac -b:a 24k')],
  },
  syncEdit: {
    about: 'The same cut at 0.7 s without re-encoding: an edit list hides the frames before.',
    file: 'sync-edit.mp4',
    make: async (output: string, clip: Clip): Promise<void> => {
      const { ffmpeg } = await realTools();
      const args = ['-v', 'error', '-nostdin', '-ss', '0.7', '-i', await clip('sync'), '-c', 'copy', output];
      await promisify(execFile)(ffmpeg, args);
    },
  },
  soundFirst: {
    about:
      'The same with the beep at two and the flash at five seconds: the sound begins three seconds before the picture.',
    file: 'sound-first.mkv',
    args: [...soundFirst('3'), ...words('-c:a flac')],
  },
  soundFirstAac: {
    about: 'The same in MP4, with sound that is copied rather than encoded.',
    file: 'sound-first.mp4',
    args: [...soundFirst('3'), ...words('-c:a aac -b:a 24k -use_editlist 1')],
  },
  soundFirstTransport: {
    about: 'The same in MPEG-TS, as a recording that began between two keyframes, by 1.2 seconds.',
    file: 'sound-first.ts',
    args: [...soundFirst('1.2'), ...words('-g 10 -c:a aac -b:a 24k')],
  },
  animation: {
    about: 'An opaque GIF, ten pictures a second.',
    file: 'animation.gif',
    args: [...lavfi(moving('320x180', '10', 2))],
  },
  clearAnimation: {
    about: 'A GIF with a hole in it that moves.',
    file: 'clear.gif',
    args: [
      ...['-f', 'lavfi', '-i', moving('320x180', '10', 2)],
      ...[
        '-filter_complex',
        "format=rgba,geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='255*gt(abs(X-100*T),60)',split[a][b];[a]palettegen[p];[b][p]paletteuse",
      ],
    ],
  },
  animatedPng: {
    about: 'The same pictures as a PNG that moves.',
    file: 'animated.apng',
    args: [...lavfi(moving('320x180', '10', 2)), ...words('-f apng')],
  },
  beforeZero: {
    about: 'Matroska whose clock begins a second before zero: ffmpeg reads no times there.',
    file: 'before-zero.mkv',
    args: [
      ...[...lavfi(moving('320x180', '25', 2)), ...fastH264],
      ...words('-avoid_negative_ts disabled -output_ts_offset -1'),
    ],
  },
  soundFirstAtZero: {
    about: 'The same in MPEG-TS whose clock begins at zero, with the first sound.',
    file: 'sound-first-at-zero.ts',
    args: [...soundFirst('1.2'), ...words('-g 10 -c:a aac -b:a 24k -bf 0 -muxdelay 0 -muxpreload 0')],
  },
  soundLateFromZero: {
    about: 'The same the other way round: the picture at zero, and the sound a second later.',
    file: 'sound-late-from-zero.ts',
    args: [
      ...[...lavfi(FLASH), '-itsoffset', '1', ...lavfi(BEEP.replaceAll('t,2', 't,1'))],
      ...[...fastH264, ...words('-bf 0 -g 10 -c:a mp2 -b:a 64k -t 4 -muxdelay 0 -muxpreload 0')],
    ],
  },
  soundAFrameFirst: {
    about: 'The same by a single frame, 40 ms.',
    file: 'sound-a-frame-first.mkv',
    args: [...soundFirst('0.04'), ...words('-c:a pcm_s16le')],
  },
  soundsApart: {
    about: 'Two sound tracks: one begins 1.5 seconds before the picture, the other a second after it.',
    file: 'sounds-apart.mkv',
    args: [
      ...[
        '-itsoffset',
        '1.5',
        ...lavfi(FLASH),
        ...lavfi(BEEP.replace('duration=4', 'duration=5.5')),
        '-itsoffset',
        '2.5',
        ...lavfi(tone(300, 2)),
      ],
      ...words('-map 0 -map 1 -map 2'),
      ...fastH264,
      ...words('-c:a flac'),
    ],
  },
  lastStays: {
    about: 'Its last picture stays for five seconds; stored in another order than shown.',
    file: 'last-stays.mp4',
    make: async output => await withLastPicture(output, { args: ['-bf', '3'], endS: 7 }),
  },
  lastStaysAhead: {
    about: 'The same, stored in the order shown, in MOV, beside sound of three seconds.',
    file: 'last-stays.mov',
    make: async output => await withLastPicture(output, { args: ['-bf', '0'], sound: tone(300, 3), endS: 7 }),
  },
  slides: {
    about: 'Three pictures: at 0, 3.2 and 5 seconds, the last one for four seconds, as in a screen recording.',
    file: 'slides.mp4',
    make: async output =>
      await withLastPicture(output, {
        args: ['-vf', 'select=eq(n\\,0)+eq(n\\,80)+eq(n\\,125)', '-bf', '2'],
        film: moving('320x180', '25', 6),
        endS: 9,
      }),
  },
  soundGoesOn: {
    about: 'Two seconds of film, and sound for seven.',
    file: 'sound-goes-on.mp4',
    args: [...lavfi(moving('320x180', '25', 2), tone(300, 7)), ...fastH264, ...aac],
  },
  joined: {
    about: 'Two transport streams joined byte by byte: the clock starts again in the middle.',
    file: 'joined.ts',
    make: async (output: string, clip: Clip): Promise<void> => {
      const one = await readFile(await clip('transport'));
      await writeFile(output, Buffer.concat([one, one]));
    },
  },
  program: {
    about: 'Two seconds of an MPEG program stream, which times few of its pictures.',
    file: 'program.mpg',
    args: [...lavfi(moving('320x180', '25', 2), tone(300, 2)), ...words('-c:v mpeg2video -bf 2 -c:a mp2 -f mpeg')],
  },
  joinedPrograms: {
    about: 'Two of them joined byte by byte.',
    file: 'joined.mpg',
    make: async (output: string, clip: Clip): Promise<void> => {
      const one = await readFile(await clip('program'));
      await writeFile(output, Buffer.concat([one, one]));
    },
  },
  trailer: {
    about: 'An MP4 with what a camera keeps behind it, which ffmpeg does not read.',
    file: 'trailer.mp4',
    make: async (output: string, clip: Clip): Promise<void> => {
      const film = await readFile(await clip('silent'));
      await writeFile(output, Buffer.concat([film, Buffer.from('gyroscope '.repeat(500))]));
    },
  },
  wide: {
    about: 'The first two seconds of a call.',
    file: 'wide.ts',
    args: [...lavfi(moving('640x360', '25', 2), tone(300, 2)), ...fastH264, ...aac],
  },
  upright: {
    about: 'Its next two seconds: the phone was turned.',
    file: 'upright.ts',
    args: [...lavfi(moving('360x640', '25', 2), tone(300, 2)), ...fastH264, ...aac, '-output_ts_offset', '2'],
  },
  turned: {
    about: 'A picture that changes its shape on the way.',
    file: 'turned.ts',
    make: async (output: string, clip: Clip): Promise<void> => {
      await writeFile(
        output,
        Buffer.concat([await readFile(await clip('wide')), await readFile(await clip('upright'))]),
      );
    },
  },
  avi: {
    about: 'MPEG-4 part 2 with B-frames and MP3 in AVI: packets without presentation times.',
    file: 'old.avi',
    needs: { encoders: ['libmp3lame'] },
    args: [
      ...lavfi(moving('320x240', '25', 4), tone(300, 4)),
      ...words('-c:v mpeg4 -bf 2 -b:v 1500k -c:a libmp3lame -b:a 128k'),
    ],
  },
  noisyMsmpeg4: {
    about: 'Noise at few bits in a codec MP4 has no place for: to look the same, H.264 needs more bytes than it has.',
    file: 'noisy.avi',
    args: [
      ...lavfi('testsrc2=size=320x240:rate=25:duration=4,noise=alls=20:allf=t', tone(300, 4)),
      ...words('-c:v msmpeg4 -b:v 600k -c:a libmp3lame'),
    ],
  },
  msmpeg4: {
    about: 'A codec that cannot live in MP4, in AVI, with uncompressed sound.',
    file: 'msmpeg4.avi',
    args: [...lavfi(moving('320x240', '15', 4), tone(300, 4)), '-c:v', 'msmpeg4', '-b:v', '900k', '-c:a', 'pcm_s16le'],
  },
  webm: {
    about: 'VP9 and Opus in WebM.',
    file: 'clip.webm',
    needs: { encoders: ['libvpx-vp9', 'libopus'] },
    args: [
      ...lavfi(moving('320x180', '25', 3), tone(300, 3)),
      ...[
        '-c:v',
        'libvpx-vp9',
        '-deadline',
        'realtime',
        '-cpu-used',
        '8',
        '-b:v',
        '900k',
        '-c:a',
        'libopus',
        '-b:a',
        '64k',
      ],
    ],
  },
  sixty: {
    about: 'Sixty frames a second.',
    file: 'sixty.mp4',
    args: [...lavfi(moving('320x180', '60', 3), tone(300, 3)), ...fastH264, ...aac],
  },
  still: {
    about: 'Ten seconds in which almost nothing moves: bits find no use.',
    file: 'still.mp4',
    args: [...lavfi('smptebars=size=640x360:rate=25:duration=10', tone(300, 10)), ...fastH264, '-g', '25', ...aac],
  },
  chapters: {
    about: 'Chapters, a title, the time and place it was filmed.',
    file: 'chapters.mp4',
    beside: { 'chapters.txt': CHAPTERS },
    args: [
      ...lavfi(moving('320x180', '25', 4), tone(300, 4)),
      ...words('-i {dir}/chapters.txt -map 0 -map 1 -map_metadata 2 -map_chapters 2'),
      ...fastH264,
      ...aac,
      ...words('-metadata creation_time=2021-03-04T05:06:07Z -metadata location=+48.8577+002.2950/'),
      ...words('-movflags +use_metadata_tags'),
    ],
  },
  timecode: {
    about: 'A data track beside picture and sound (time code).',
    file: 'timecode.mov',
    args: [...lavfi(moving('320x180', '25', 3), tone(300, 3)), ...fastH264, ...aac, '-timecode', '01:00:00:00'],
  },
  cover: {
    about: 'Picture, sound and a cover picture.',
    file: 'cover.mp4',
    args: [
      ...lavfi(moving('320x180', '25', 3), tone(300, 3), 'color=red:size=64x64:duration=0.04'),
      ...words('-map 0 -map 1 -map 2'),
      ...fastH264,
      ...aac,
      ...words('-c:v:1 png -frames:v:1 1 -disposition:v:1 attached_pic'),
    ],
  },
  surround: {
    about: 'Six channels of sound.',
    file: 'surround.mkv',
    args: [
      ...lavfi(moving('320x180', '25', 3), 'sine=frequency=300:duration=3,aformat=channel_layouts=5.1'),
      ...fastH264,
      ...words('-c:a ac3 -b:a 448k'),
    ],
  },
  soundOnly: {
    about: 'Sound without a picture, named .mp4.',
    file: 'sound.mp4',
    args: [...lavfi(tone(300, 3)), ...aac],
  },
  coverOnly: {
    about: 'Sound with a cover picture, named .mp4: still no video.',
    file: 'album.mp4',
    args: [
      ...lavfi(tone(300, 3), 'color=red:size=64x64:duration=0.04'),
      ...words('-map 0 -map 1 -c:v mjpeg -disposition:v:0 attached_pic'),
      ...aac,
    ],
  },
  oneFrame: {
    about: 'A video of one single frame.',
    file: 'one.mp4',
    args: [...lavfi('testsrc2=size=160x90:rate=25:duration=0.04'), ...fastH264, '-frames:v', '1'],
  },
  picture: {
    about: 'A picture (PNG).',
    file: 'picture.png',
    args: [...lavfi('testsrc2=size=64x64:duration=0.04'), '-frames:v', '1'],
  },
  bomb: {
    about: 'Frames of 16000x16000 that pack small: 1.5 GB of memory for whoever decodes them.',
    file: 'bomb.mkv',
    args: [...lavfi('color=black:size=16000x16000:rate=1:duration=1,format=monob'), '-c:v', 'png', '-pred', 'none'],
  },
  cutShort: {
    about: 'The first half of a camera file: its index was at the end and is gone.',
    file: 'cut-short.mp4',
    make: async (output: string, clip: Clip): Promise<void> => await firstPart(await clip('plain'), output, 0.5),
  },
  cutInside: {
    about: 'The first half of a file whose index came first: it opens, and stops in the middle.',
    file: 'cut-inside.mp4',
    make: async (output: string, clip: Clip): Promise<void> => await firstPart(await clip('faststart'), output, 0.5),
  },
  cutMatroska: {
    about: 'The first half of a Matroska file.',
    file: 'cut.mkv',
    make: async (output: string, clip: Clip): Promise<void> => await firstPart(await clip('tracks'), output, 0.5),
  },
  damaged: {
    about: 'Complete, but with a few hundred broken bytes in the middle of the picture.',
    file: 'damaged.mp4',
    make: async (output: string, clip: Clip): Promise<void> => {
      const bytes = await readFile(await clip('faststart'));
      const middle = Math.floor(bytes.length * 0.6);
      for (let at = 0; at < 400; at += 1) bytes[middle + at] = (at * 197) % 256;
      await writeFile(output, bytes);
    },
  },
  undecodableSound: {
    about: 'Good sound, and a second track of a codec nobody knows, as phones write spatial audio.',
    file: 'undecodable-sound.mov',
    make: async (output: string, clip: Clip): Promise<void> => {
      const bytes = await readFile(await clip('twoSounds'));
      // Its format, and what describes it inside.
      bytes.write('apac', bytes.lastIndexOf('stsd') + 16, 'latin1');
      bytes.write('free', bytes.lastIndexOf('wave'), 'latin1');
      await writeFile(output, bytes);
    },
  },
  twoSounds: {
    about: 'Two sound tracks, the second in German.',
    file: 'two-sounds.mov',
    args: [
      ...lavfi(moving('320x180', '25', 3), tone(300, 3), tone(600, 3)),
      ...words('-map 0 -map 1 -map 2'),
      ...fastH264,
      ...aac,
      ...words('-metadata:s:a:1 language=ger'),
    ],
  },
  commentary: {
    about: 'The second sound track has a language and a name, in Matroska.',
    file: 'commentary.mkv',
    args: [
      ...lavfi(moving('320x180', '25', 3), tone(300, 3), tone(600, 3)),
      ...words('-map 0 -map 1 -map 2'),
      ...fastH264,
      ...aac,
      ...words('-metadata:s:a:1 language=ger -metadata:s:a:1 title=Kommentar'),
    ],
  },
  styled: {
    about: 'Styled subtitles, and the font they want as an attachment.',
    file: 'styled.mkv',
    beside: { 'one.srt': SRT, 'font.ttf': 'not a font, and nobody looks' },
    args: [
      ...lavfi(moving('320x180', '25', 4), tone(300, 4)),
      ...words('-i {dir}/one.srt -map 0 -map 1 -map 2'),
      ...fastH264,
      ...aac,
      ...words('-c:s ass -metadata:s:s:0 language=eng'),
      ...words('-attach {dir}/font.ttf -metadata:s:t:0 mimetype=application/x-truetype-font'),
    ],
  },
  tenBits: {
    about: 'H.264 with 10 bits and 4:2:2, HD, tagged bt709, as cameras record for editing.',
    file: 'ten-bits.mkv',
    args: [
      ...lavfi(moving('1280x720', '25', 2), tone(300, 2)),
      ...words('-c:v libx264 -preset ultrafast -crf 20 -pix_fmt yuv422p10le'),
      ...words('-color_primaries bt709 -color_trc bt709 -colorspace bt709 -c:a pcm_s24le'),
    ],
  },
  surroundFlac: {
    about: 'Six channels, each with a tone and a loudness of its own, without loss.',
    file: 'surround-flac.mkv',
    args: [...lavfi(moving('320x180', '25', 3), SIX_TONES), ...fastH264, ...words('-c:a flac')],
  },
  leftRight: {
    about: 'A low tone on the left, a high and softer one on the right.',
    file: 'left-right.mp4',
    args: [
      ...lavfi(moving('320x180', '25', 3), 'aevalsrc=0.5*sin(1885*t)|0.1*sin(12566*t):sample_rate=48000:duration=3'),
      ...fastH264,
      ...aac,
    ],
  },
  emptySound: {
    about: 'A second sound track in which there is nothing.',
    file: 'empty-sound.mkv',
    args: [
      ...lavfi(moving('320x180', '25', 3), tone(300, 3), tone(600, 3)),
      ...words('-map 0 -map 1 -map 2'),
      ...fastH264,
      ...aac,
      ...words('-filter:a:1 atrim=end_sample=0'),
    ],
  },
  captionsH264: {
    about: 'CEA-608 captions in every picture of an H.264 transport stream.',
    file: 'captions.ts',
    make: async (output: string): Promise<void> => {
      const { ffmpeg } = await realTools();
      const stream = `${output}.h264`;
      const run = promisify(execFile);
      const all = ['-hide_banner', '-v', 'error', '-nostdin', '-y'];
      const film = [
        ...lavfi(moving('320x180', '25', 3)),
        ...fastH264,
        '-x264-params',
        'slices=1:sliced-threads=0:bframes=0',
      ];
      await run(ffmpeg, [...all, ...film, '-f', 'h264', stream]);
      await writeFile(stream, withCaptions(await readFile(stream)));
      await run(ffmpeg, [
        ...[...all, '-r', '25', '-i', stream, ...lavfi(tone(300, 3)), '-map', '0', '-map', '1', '-c:v', 'copy', ...aac],
        ...['-f', 'mpegts', output],
      ]);
      await rm(stream);
    },
  },
  captionsMpeg2: {
    about: 'The same captions in MPEG-2, as television sends them.',
    file: 'captions-mpeg2.ts',
    make: async (output: string, clip: Clip): Promise<void> => {
      const { ffmpeg } = await realTools();
      const args = ['-i', await clip('captionsH264'), ...words('-c:v mpeg2video -b:v 4M -c:a mp2 -f mpegts'), output];
      await promisify(execFile)(ffmpeg, ['-v', 'error', '-nostdin', '-y', ...args]);
    },
  },
  stillBesideFilm: {
    about: 'A film of 320x180, and a picture of 1280x720 as a second, default video track.',
    file: 'still.mkv',
    args: [
      ...lavfi(moving('320x180', '25', 3), 'testsrc2=size=1280x720:rate=1:duration=1', tone(300, 3)),
      ...words('-map 0 -map 1 -map 2 -c:v:0 libx264 -preset ultrafast -crf 23 -pix_fmt yuv420p -c:v:1 mjpeg'),
      ...['-disposition:v:0', '0', '-disposition:v:1', 'default', ...aac],
    ],
  },
  encrypted: {
    about: 'Encrypted as films for rent are (Common Encryption).',
    file: 'encrypted.mp4',
    args: [
      ...plain,
      ...words('-encryption_scheme cenc-aes-ctr -encryption_key 76a6c65c5ea762046bd749a2e632ccbb'),
      ...words('-encryption_kid a7e61c373e219033c21091fa607bf3b8'),
    ],
  },
  protectedWmv: {
    about: 'The tags that Windows Media with DRM has.',
    file: 'protected.wmv',
    args: [
      ...lavfi(moving('320x180', '25', 2), tone(300, 2)),
      ...words('-c:v wmv2 -b:v 500k -c:a wmav2 -metadata ASF_Protection_Type=DRM -f asf'),
    ],
  },
  scrambled: {
    about: 'A transport stream whose packets say that they are scrambled, as pay television is.',
    file: 'scrambled.ts',
    make: async (output: string, clip: Clip): Promise<void> => {
      const bytes = await readFile(await clip('transport'));
      for (let at = 0; at + 188 <= bytes.length; at += 188) bytes[at + 3] = (bytes[at + 3] ?? 0) | 0x80;
      await writeFile(output, bytes);
    },
  },
  longTag: {
    about: 'A comment of 70,000 letters.',
    file: 'long-tag.mp4',
    beside: { 'comment.txt': `;FFMETADATA1\ntitle=Long\ncomment=${'long '.repeat(14_000)}\n` },
    args: [
      ...lavfi(moving('320x180', '25', 3), tone(300, 3)),
      ...words('-i {dir}/comment.txt -map 0 -map 1 -map_metadata 2'),
      ...fastH264,
      ...aac,
    ],
  },
  pictureWithSound: {
    about: 'One picture, and thirty seconds of sound.',
    file: 'picture.mp4',
    args: [...lavfi(`testsrc2=size=320x180:rate=25,trim=end_frame=1`, tone(300, 30)), ...fastH264, ...aac],
  },
  withoutHeader: {
    about: 'A piece of an MPEG-2 transport stream between two headers.',
    file: 'without-header.ts',
    make: async (output: string): Promise<void> => {
      const { ffmpeg } = await realTools();
      const args = [
        ...lavfi(moving('320x180', '25', 8)),
        ...words('-c:v mpeg2video -g 250 -b:v 1M -sc_threshold 1000000000 -f mpegts'),
        output,
      ];
      await promisify(execFile)(ffmpeg, ['-v', 'error', '-nostdin', '-y', ...args]);
      const bytes = await readFile(output);
      const packets = Math.floor(bytes.length / 188);
      await writeFile(output, bytes.subarray(188 * Math.floor(packets / 2)));
    },
  },
  sphere: {
    about: 'A 360-degree film: the picture is an unrolled sphere.',
    file: 'sphere.mp4',
    make: async (output: string, clip: Clip): Promise<void> =>
      await writeFile(output, withBox(await readFile(await clip('plain')), entryPath('avc1'), EQUIRECTANGULAR)),
  },
  sideBySide: {
    about: 'A 3D film with both views in one picture.',
    file: 'side-by-side.mp4',
    make: async (output: string, clip: Clip): Promise<void> =>
      await writeFile(output, withBox(await readFile(await clip('plain')), entryPath('avc1'), SIDE_BY_SIDE)),
  },
  dolbyVision5: {
    about: 'Marked as Dolby Vision profile 5.',
    file: 'dolby-vision-5.mp4',
    make: async (output: string, clip: Clip): Promise<void> =>
      await writeFile(output, withBox(await readFile(await clip('plain')), entryPath('avc1'), dolbyVision(5))),
  },
  dolbyVision8: {
    about: 'Marked as Dolby Vision profile 8.',
    file: 'dolby-vision-8.mp4',
    make: async (output: string, clip: Clip): Promise<void> =>
      await writeFile(output, withBox(await readFile(await clip('plain')), entryPath('avc1'), dolbyVision(8))),
  },
  secondEye: {
    about: 'HEVC that says it has a second layer for the other eye, as spatial video has.',
    file: 'second-eye.mov',
    needs: { encoders: ['libx265'] },
    make: async (output: string, clip: Clip): Promise<void> =>
      await writeFile(
        output,
        withBox(await readFile(await clip('hevc')), entryPath('hvc1'), box('lhvC', Buffer.alloc(8))),
      ),
  },
  hevc: {
    about: 'A little HEVC in a MOV.',
    file: 'hevc.mov',
    needs: { encoders: ['libx265'] },
    args: [
      ...lavfi(moving('320x180', '25', 2)),
      ...words('-c:v libx265 -preset ultrafast -x265-params log-level=error -pix_fmt yuv420p -tag:v hvc1'),
    ],
  },
  transparent: {
    about: 'A picture with an alpha channel, as motion graphics have.',
    file: 'transparent.mov',
    args: [
      ...lavfi(`${moving('320x180', '25', 2)},format=argb,colorchannelmixer=aa=0.5`),
      ...words('-c:v qtrle -pix_fmt argb'),
    ],
  },
  mirrored: {
    about: 'To be shown as in a mirror, as some front cameras write it.',
    file: 'mirrored.mov',
    make: async (output: string, clip: Clip): Promise<void> => {
      const bytes = await readFile(await clip('plain'));
      const matrix = bytes.indexOf('tkhd') + 4 + 4 + 8 + 4 + 4 + 4 + 8 + 8;
      const flipped = [-0x10000, 0, 0, 0, 0x10000, 0, 640 * 0x10000, 0, 0x40000000];
      flipped.forEach((value, at) => bytes.writeInt32BE(value, matrix + 4 * at));
      await writeFile(output, bytes);
    },
  },
  forged: {
    about: 'Its header says it lasts 49 days.',
    file: 'forged.mp4',
    make: async (output: string, clip: Clip): Promise<void> => {
      const bytes = await readFile(await clip('plain'));
      // mvhd version 0: type, version and flags, two dates, time scale, then the duration.
      bytes.writeUInt32BE(0xffff_fff0, bytes.indexOf('mvhd') + 4 + 4 + 8 + 4);
      await writeFile(output, bytes);
    },
  },
  endlessEdits: {
    about: 'Its edit list shows the same second again and again, 200,000 times, in 2.4 MB.',
    file: 'endless-edits.mp4',
    make: async (output: string, clip: Clip): Promise<void> => {
      const bytes = await readFile(await clip('plain'));
      const count = 200_000;
      const edits = Buffer.alloc(16 + 12 * count);
      edits.writeUInt32BE(edits.length);
      edits.write('elst', 4, 'latin1');
      edits.writeUInt32BE(count, 12);
      for (let at = 16; at < edits.length; at += 12) {
        edits.writeUInt32BE(1, at);
        edits.writeInt32BE((at % 50) * 512, at + 4);
        edits.writeUInt32BE(0x10000, at + 8);
      }
      const old = bytes.indexOf('elst') - 4;
      const more = edits.length - bytes.readUInt32BE(old);
      for (const around of ['moov', 'trak', 'edts']) {
        const at = bytes.lastIndexOf(around, old) - 4;
        bytes.writeUInt32BE(bytes.readUInt32BE(at) + more, at);
      }
      const rest = old + bytes.readUInt32BE(old);
      await writeFile(output, Buffer.concat([bytes.subarray(0, old), edits, bytes.subarray(rest)]));
    },
  },
  countless: {
    about: 'Claims forty million frames of one byte each; the file is a thousand times smaller.',
    file: 'countless.mp4',
    make: async (output: string, clip: Clip): Promise<void> => {
      const bytes = await readFile(await clip('tiny'));
      const sizes = bytes.indexOf('stsz');
      bytes.writeUInt32BE(1, sizes + 8);
      bytes.writeUInt32BE(40_000_000, sizes + 12);
      bytes.writeUInt32BE(40_000_000, bytes.indexOf('stts') + 12);
      await writeFile(output, bytes);
    },
  },
} satisfies Record<string, Recipe>;

export type FootageName = keyof typeof RECIPES;

let tools: Promise<Tools> | undefined;

/** The ffmpeg on PATH, asked once per test file. */
export function realTools(): Promise<Tools> {
  tools ??= findTools();
  return tools;
}

/** Whether the ffmpeg on PATH has what a clip needs. */
export async function canMake(name: FootageName): Promise<boolean> {
  const { encoders, filters } = await realTools();
  const needs = (RECIPES[name] as Recipe).needs;
  return (
    (needs?.encoders ?? []).every(one => encoders.has(one)) && (needs?.filters ?? []).every(one => filters.has(one))
  );
}

/** Path of a clip; made when it is not there yet. It is shared: never write to it, copy it (`footageCopy`). */
export async function footage(name: FootageName): Promise<string> {
  const recipe: Recipe = RECIPES[name];
  const found = await realTools();
  const { version, ffmpeg } = found;
  // A clip made from others changes when they do.
  const from = recipe.make ? RECIPES : recipe;
  const hash = createHash('sha256').update(JSON.stringify([name, from, String(recipe.make), version]));
  const folder = join(tmpdir(), `shrinkbox-footage-${process.getuid?.() ?? 0}`, hash.digest('hex').slice(0, 16));
  const path = join(folder, recipe.file);
  if (await exists(path)) return path;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const making = await mkdtemp(join(folder, 'making-'));
  try {
    const output = join(making, recipe.file);
    for (const [file, text] of Object.entries(recipe.beside ?? {})) await writeFile(join(making, file), text);
    if (recipe.make) await recipe.make(output, name => footage(name as FootageName));
    else {
      const args = (recipe.args ?? []).flatMap(arg =>
        arg === '{passthrough}' ? keepFrameTimes(found) : [arg.replaceAll('{dir}', making)],
      );
      await promisify(execFile)(ffmpeg, ['-hide_banner', '-v', 'error', '-nostdin', '-y', ...args, output]);
    }
    await rename(output, path);
  } finally {
    await rm(making, { recursive: true, force: true });
  }
  return path;
}

/** A private copy of a clip in `directory`, under its own or another name. */
export async function footageCopy(name: FootageName, directory: string, as?: string): Promise<string> {
  const from = await footage(name);
  const to = join(directory, as ?? basename(from));
  await copyFile(from, to);
  return to;
}

/** A film of two seconds whose last picture stays until `endS`, as the table of an MP4 says it. */
async function withLastPicture(
  output: string,
  options: { args: string[]; film?: string; sound?: string; endS: number },
): Promise<void> {
  const { args, film = moving('320x180', '25', 2), sound, endS } = options;
  const tools = await realTools();
  const run = async (...rest: string[]) =>
    await promisify(execFile)(tools.ffmpeg, ['-hide_banner', '-v', 'error', '-nostdin', '-y', ...rest]);
  const plain = `${output}.plain.mp4`;
  const inputs = lavfi(film, ...(sound === undefined ? [] : [sound]));
  await run(...inputs, ...fastH264, '-preset', 'veryfast', ...args, ...keepFrameTimes(tools), ...aac, plain);
  const last = `if(eq(NEXT_PTS\\,NOPTS)\\,${endS}/TB-PTS\\,DURATION)`;
  await run('-i', plain, '-c', 'copy', '-bsf:v', `setts=pts=PTS:dts=DTS:duration=${last}`, output);
  await rm(plain);
}

async function firstPart(from: string, to: string, share: number): Promise<void> {
  const bytes = await readFile(from);
  const file = await open(to, 'w');
  await file.write(bytes.subarray(0, Math.floor(bytes.length * share)));
  await file.close();
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
