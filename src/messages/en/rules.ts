import { formatClock } from '../../core/trim.ts';
import { formatBitrate, formatBytes, formatLimit } from '../../core/units.ts';

interface TargetParts {
  part?: string;
  size: string;
  resolution?: string;
  fps?: number;
  audio?: string;
  codec?: string;
  quality?: string;
}

interface Causes {
  rule: string;
  words?: string;
  target: string;
  engine: string;
}

export const RULES_EN = {
  'rules.match-is': ({ patterns }: { patterns: string }) => `match is ${patterns}`,
  'rules.matches-every-file': 'it matches every file',
  'rules.too-small': ({ bytes, minBytes }: { bytes: number; minBytes: number }) =>
    `the file has ${formatBytes(bytes)}, min_size is ${formatBytes(minBytes)}`,
  'rules.rule': ({ rule, why }: { rule: string; why: string }) => `${rule}: ${why}`,
  'rules.no-match': ({ mismatches }: { mismatches: string }) => `no rule matches (${mismatches})`,
  'rules.no-rules': 'no rule matches (the folder has none)',
  'rules.says-skip': ({ rule }: { rule: string }) => `rule "${rule}" skips this file`,

  'rules.instruction': 'the instruction of the rule',
  'rules.your-request': 'your request',
  'rules.words-too-long': (p: { max: number }) => `the words are longer than ${p.max} characters`,
  'rules.words-say': ({ from, words }: { from: string; words: string }) => `${from} says ${words}`,
  'rules.why': ({ rule, words, target, engine }: Causes) =>
    [`rule "${rule}" is the first that matches`, words, target, engine].filter(part => part !== undefined).join('; '),

  'rules.done-here': 'done on this machine',
  'rules.done-by-fleet': 'done by the workers of the fleet',
  'rules.done-here-instead': ({ extension }: { extension: string }) =>
    `done on this machine because the cloud does not accept .${extension} files`,
  'rules.done-by-cloud': 'done by the cloud',
  'rules.cloud-fetches-link': 'the cloud fetches the video behind the link',
  'rules.link-needs-cloud': ({ name }: { name: string }) =>
    `${name} is a link, and only the cloud can fetch one: use a rule with engine: nemo`,
  'rules.link-needs-engine-option': ({ name }: { name: string }) =>
    `${name} is a link, and only the cloud can fetch one: use --engine nemo`,
  'rules.not-a-video': ({ name, extensions }: { name: string; extensions: string }) =>
    `${name} does not have the name of a video; the local engine accepts ${extensions}`,
  'rules.raw-stream': ({ name }: { name: string }) =>
    `${name} is a raw stream, whose pictures have no times: put them into an MP4 or Matroska file first`,
  'rules.not-for-cloud': ({ name, extensions }: { name: string; extensions: string }) =>
    `the cloud does not accept ${name}; it accepts ${extensions}`,

  'rules.picture-needs-words': ({ name }: { name: string }) =>
    `${name} is a picture: there is no video in it to make smaller`,
  'rules.picture-needs-words-hint': ({ name }: { name: string }) =>
    `Write into ${name}.txt what to make of it (such as: a 10 second video that zooms in slowly), or leave pictures out with match or skip: true.`,
  'rules.sound-needs-words': ({ name }: { name: string }) =>
    `${name} is sound only: there is no video in it to make smaller`,
  'rules.sound-needs-words-hint': ({ name }: { name: string }) =>
    `Write into ${name}.txt what to make of it (such as: a video with a waveform), or leave sound out with match or skip: true.`,

  'rules.not-understood': ({ phrases, from }: { phrases: string; from: string }) =>
    `the local engine only makes videos smaller; it cannot do, or does not understand, ${phrases} (from ${from})`,
  'rules.not-understood-hint':
    'Ask only for a size, resolution, frame rate, sound, codec, quality or part (0:10 to 0:30), or set engine: nemo in the rule: the cloud understands more.',
  'rules.not-understood-ask-hint':
    'Ask only for a size, resolution, frame rate, sound, codec, quality or part (0:10 to 0:30), or use --engine nemo: the cloud understands more.',

  'rules.said-twice': ({ option, words }: { option: string; words: string }) =>
    `${option} and the words ${words} ask for different things`,
  'rules.said-twice-hint': 'Leave one of the two out.',

  'rules.target': ({ part, size, resolution, fps, audio, codec, quality }: TargetParts) =>
    [part, size, resolution, fps === undefined ? undefined : `at most ${fps} fps`, audio, codec, quality]
      .filter(part => part !== undefined)
      .join(', '),
  'rules.part': ({ from = 0, to = Number.POSITIVE_INFINITY }: { from?: number; to?: number }) => {
    const without = to < 0 ? `without the last ${formatClock(-to)}` : undefined;
    if (from < 0) return [`only the last ${formatClock(-from)}`, without].filter(Boolean).join(', ');
    if (without !== undefined) return from > 0 ? `only from ${formatClock(from)} on, ${without}` : without;
    if (to === Number.POSITIVE_INFINITY) return `only from ${formatClock(from)} on`;
    return `only ${formatClock(from)} to ${formatClock(to)}`;
  },
  'rules.at-most-bytes': ({ bytes }: { bytes: number }) => `at most ${formatLimit(bytes)}`,
  'rules.at-most-share': ({ percent }: { percent: number }) => `at most ${percent}% of the original`,
  'rules.at-most-rate': ({ bitsPerSecond }: { bitsPerSecond: number }) => `at most ${formatBitrate(bitsPerSecond)}`,
  'rules.however-it-looks': ({ size }: { size: string }) => `${size} no matter how it looks`,
  'rules.if-it-looks-good': ({ size }: { size: string }) => `${size} if that looks good`,
  'rules.else-without-loss': ({ size, floor }: { size: string; floor: 'decent' | 'good' }) =>
    `${size} where that looks ${floor} (else without visible loss)`,
  'rules.no-visible-loss': 'as small as possible without visible loss',
  'rules.no-sound': 'no sound',
  'rules.sound-at': ({ kilobits }: { kilobits: number }) => `sound at ${kilobits} kb/s`,
  'rules.best-quality': 'best quality',

  'rules.bad-output-name': ({ path }: { path: string }) => `${path} cannot be turned into a file name in the outbox`,
  'rules.bad-output-name-hint': 'Rename the file, or change the output template of the rule.',
};
