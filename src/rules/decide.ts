/**
 * Room: which rule a file gets and what that asks for, and what an instruction in plain words means. Pure: knows the configuration's
 * rules, never the disk. The first rule that matches wins, and every decision says why.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Rule } from '../config/load.ts';
import { extensionOf, RAW_EXTENSIONS, VIDEO_EXTENSIONS } from '../core/file-names.ts';
import type { Decision, EngineName, Sidecar, WorkDecision } from '../core/job.ts';
import { messageOf, type Sentence } from '../core/message.ts';
import { formatResolution, type Target } from '../core/target.ts';
import type { Trim } from '../core/trim.ts';
import { kindOfFormat, NEMO_FORMATS } from '../engine/engine.ts';
import { say } from '../messages/say.ts';
import { type InstructionTarget, parseInstruction } from './instruction/parse.ts';
import { matches } from './match.ts';
import { outputFor } from './output-name.ts';

type HoldDecision = Extract<Decision, { kind: 'hold' }>;

export interface DecideOptions {
  /** What is known about the file: a Sighting and its size. */
  sighting: {
    relative: string;
    sizeBytes: number;
    sidecar?: Pick<Sidecar, 'path' | 'text'>;
    refused?: Sentence;
  };
  /** Words of a person on the page or the command line; they win over those beside the file. */
  request?: string;
  /** The rules of the folder, in order. */
  rules: readonly Rule[];
  defaults: { engine: EngineName };
  /** The only rule stands for the options of `compress`: words for people name those. */
  isCommandLine?: boolean;
  /** Which version of the result; from 2 on it shows in the name. */
  version?: number;
}

/** A rule that was compared with the file. */
export interface CheckedRule {
  name: string;
  matched: boolean;
  why: Sentence;
}

/** The decision, and the rules compared on the way: in order, up to the one that matched. */
export function decide(options: DecideOptions): { decision: Decision; checked: CheckedRule[] } {
  const { sighting, rules } = options;
  if (sighting.refused !== undefined) return { decision: skip(sighting.refused), checked: [] };
  const checked: CheckedRule[] = [];
  const mismatches: Sentence[] = [];
  for (const rule of rules) {
    const { matched, why } = compare(rule, sighting);
    checked.push({ name: rule.name, matched, why });
    if (matched) return { decision: apply(rule, options), checked };
    mismatches.push(say('rules.rule', { rule: rule.name, why }));
  }
  const reason = mismatches.length > 0 ? say('rules.no-match', { mismatches }) : say('rules.no-rules');
  return { decision: skip(reason), checked };
}

function skip(reason: Sentence, rule?: string): Decision {
  return {
    kind: 'skip',
    rule,
    reason: reason.text,
    messages: { reason: messageOf(reason) },
  };
}

function compare(rule: Rule, { relative, sizeBytes }: DecideOptions['sighting']): { matched: boolean; why: Sentence } {
  const patterns = rule.match.join(', ');
  if (!matches(rule.match, relative)) return { matched: false, why: say('rules.match-is', { patterns }) };
  // A link is small; the size of the video behind it is not known yet.
  if (rule.minSize !== undefined && sizeBytes < rule.minSize && !isLink(relative)) {
    return { matched: false, why: say('rules.too-small', { bytes: sizeBytes, minBytes: rule.minSize }) };
  }
  return {
    matched: true,
    why: patterns === '**' ? say('rules.matches-every-file') : say('rules.match-is', { patterns }),
  };
}

function apply(rule: Rule, options: DecideOptions): Decision {
  const { sighting, isCommandLine = false } = options;
  if (rule.skip) return skip(say('rules.says-skip', { rule: rule.name }), rule.name);
  const engine = engineFor(rule.engine ?? options.defaults.engine, rule, sighting.relative, isCommandLine);
  if (engine.name === undefined) return skip(engine.why, rule.name);

  const words = wordsFor(rule, options);
  const parsed = words && parseInstruction(words.text, sighting.sizeBytes);
  const instruction = words && { instruction: words.text };
  if (engine.name !== 'nemo' && words && parsed && parsed.notUnderstood.length > 0) {
    const phrases = parsed.notUnderstood.slice(0, 5).map(quoted).join(', ');
    const reason = say('rules.not-understood', { phrases, from: words.from });
    const hint = say(isCommandLine ? 'rules.not-understood-ask-hint' : 'rules.not-understood-hint');
    const messages = { reason: messageOf(reason), hint: messageOf(hint) };
    const { name } = engine;
    return {
      ...{ kind: 'hold', rule: rule.name, engine: name, ...instruction },
      ...{ reason: reason.text, hint: hint.text, messages },
    };
  }
  const twice = isCommandLine && words && parsed ? saidTwice(rule, parsed.target, words.text) : undefined;
  if (twice) return { kind: 'hold', rule: rule.name, engine: engine.name, ...instruction, ...twice };
  const asked = parsed !== undefined && parsed.notUnderstood.length > 0;
  const impossible = engine.name === 'nemo' && !asked ? nothingToCompress(sighting.relative) : undefined;
  if (impossible) return { kind: 'hold', rule: rule.name, engine: engine.name, ...instruction, ...impossible };
  // Of words that only the cloud understands, nobody here knows what they leave of a part.
  const { from, to, ...others } = parsed?.target ?? {};
  const target = targetOf(rule, asked ? others : { from, to, ...others });
  const why = say('rules.why', {
    rule: rule.name,
    ...(words && { words: say('rules.words-say', { from: words.from, words: quoted(words.text) }) }),
    target: targetSentence(target),
    engine: engine.why,
  });
  return {
    kind: 'do',
    rule: rule.name,
    engine: engine.name,
    fallback: engine.name === 'local' ? 'none' : rule.fallback,
    target,
    ...instruction,
    ...(words?.isRules === false && leftOut(parsed?.target ?? {}, rule, engine.name === 'nemo' && asked)),
    output: outputFor(rule.output, sighting.relative, rule.name, options.version),
    why: why.text,
    messages: { why: messageOf(why) },
  };
}

/** The engine that will do it, and why; no name if none can. */
function engineFor(
  wanted: EngineName,
  rule: Rule,
  relative: string,
  isCommandLine: boolean,
): { name?: EngineName; why: Sentence } {
  const name = relative.slice(relative.lastIndexOf('/') + 1);
  const extension = extensionOf(name);
  const isVideo = VIDEO_EXTENSIONS.has(extension);
  if (isLink(name)) {
    if (wanted === 'nemo') return { name: 'nemo', why: say('rules.cloud-fetches-link') };
    return { why: say(isCommandLine ? 'rules.link-needs-engine-option' : 'rules.link-needs-cloud', { name }) };
  }
  if (wanted !== 'nemo') {
    if (isVideo) return { name: wanted, why: say(wanted === 'fleet' ? 'rules.done-by-fleet' : 'rules.done-here') };
    if (RAW_EXTENSIONS.has(extension)) return { why: say('rules.raw-stream', { name }) };
    return { why: say('rules.not-a-video', { name, extensions: [...VIDEO_EXTENSIONS].join(', ') }) };
  }
  if (NEMO_FORMATS.includes(extension)) return { name: 'nemo', why: say('rules.done-by-cloud') };
  if (rule.fallback === 'local' && isVideo)
    return { name: 'local', why: say('rules.done-here-instead', { extension }) };
  return { why: say('rules.not-for-cloud', { name, extensions: NEMO_FORMATS.join(', ') }) };
}

/** What the options of `compress` and its words say of the same thing, where they differ: nobody knows which of them is meant. */
function saidTwice(
  rule: Rule,
  words: InstructionTarget,
  text: string,
): Pick<HoldDecision, 'reason' | 'hint' | 'messages'> | undefined {
  const { size, resolution, trim } = targetOf(rule, {});
  const pairs: readonly (readonly [option: string, typed: unknown, said: unknown])[] = [
    ['--size', size, words.size],
    ['--resolution', resolution, words.resolution],
    ['--from, --to', trim, trimOf(words)],
  ];
  const [option] =
    pairs.find(([, typed, said]) => typed !== undefined && said !== undefined && !isDeepStrictEqual(typed, said)) ?? [];
  if (option === undefined) return undefined;
  const reason = say('rules.said-twice', { option, words: quoted(text) });
  const hint = say('rules.said-twice-hint');
  return { reason: reason.text, hint: hint.text, messages: { reason: messageOf(reason), hint: messageOf(hint) } };
}

/** A picture or a sound asked to be smaller: a video can only be made of it in words of a person, and costs. */
function nothingToCompress(relative: string): Pick<HoldDecision, 'reason' | 'hint' | 'messages'> | undefined {
  const name = relative.slice(relative.lastIndexOf('/') + 1);
  const kind = kindOfFormat(extensionOf(name));
  if (isLink(name) || (kind !== 'picture' && kind !== 'sound')) return undefined;
  const reason =
    kind === 'picture' ? say('rules.picture-needs-words', { name }) : say('rules.sound-needs-words', { name });
  const hint =
    kind === 'picture'
      ? say('rules.picture-needs-words-hint', { name })
      : say('rules.sound-needs-words-hint', { name });
  return { reason: reason.text, hint: hint.text, messages: { reason: messageOf(reason), hint: messageOf(hint) } };
}

/** `link.url`, `link.webloc` and `link.url.txt` represent the video they lead to. */
function isLink(path: string): boolean {
  return /[^/]\.(?:url|webloc|url\.txt)$/i.test(path);
}

/** The instruction that counts: a person's request, else the text beside the file, else the rule's. An empty one says nothing. */
function wordsFor(
  rule: Rule,
  { sighting: { sidecar }, request, isCommandLine = false }: DecideOptions,
): { text: string; from: string | Sentence; isRules: boolean } | undefined {
  if (request?.trim()) return { text: request.trim(), from: say('rules.your-request'), isRules: false };
  const beside = sidecar?.text.trim();
  if (sidecar && beside) {
    return { text: beside, from: sidecar.path.slice(sidecar.path.lastIndexOf('/') + 1), isRules: false };
  }
  if (!rule.instruction) return undefined;
  return { text: rule.instruction, from: isCommandLine ? '--ask' : say('rules.instruction'), isRules: true };
}

/** What no later version can have back once the original is gone. */
function leftOut(asked: InstructionTarget, rule: Rule, isEdit: boolean): Pick<WorkDecision, 'leavesOut'> {
  if (isEdit) return { leavesOut: 'edit' };
  if (trimOf(asked)) return { leavesOut: 'part' };
  return asked.audio?.kind === 'mute' && rule.audio.kind !== 'mute' ? { leavesOut: 'sound' } : {};
}

/** The instruction wins; the rule's own keys fill in what it leaves open. */
function targetOf(rule: Rule, target: InstructionTarget): Target {
  const size = target.size ?? rule.size;
  const trim = trimOf(target) ?? rule.trim;
  const resolution = target.resolution ?? rule.resolution;
  const fps = target.fps ?? rule.fps;
  const codec = target.codec ?? rule.codec;
  return {
    ...(size && { size, ...floorOf(rule, target) }),
    ...(trim && { trim }),
    ...(resolution !== 'keep' && { resolution }),
    ...(fps !== undefined && fps !== 'keep' && { fps }),
    audio: target.audio ?? rule.audio,
    ...(codec && { codec }),
    quality: target.quality ?? rule.quality,
    minSaving: rule.minSaving,
  };
}

/** `keep-quality` makes a wish of the rule's size. A size in words is none: it is kept to, or the job is held. */
function floorOf(rule: Rule, { size, floor }: InstructionTarget): Pick<Target, 'floor' | 'belowFloor'> {
  if (rule.belowFloor === 'hold') return { floor: floor ?? rule.floor };
  return size ? { floor: floor ?? 'decent' } : { floor: floor ?? rule.floor, belowFloor: rule.belowFloor };
}

/** The part that words ask for; `undefined` if they say nothing of one, or ask for all. */
function trimOf({ from = 0, to = Number.POSITIVE_INFINITY }: InstructionTarget): Trim | undefined {
  if (from === 0 && to === Number.POSITIVE_INFINITY) return undefined;
  return { ...(from !== 0 && { from }), ...(Number.isFinite(to) && { to }) };
}

const CODECS = { h264: 'H.264', h265: 'H.265', av1: 'AV1' };

/** `at most 50 MB, 1080p, no sound`. */
export function targetSentence(target: Partial<Target>): Sentence {
  const { trim, size, resolution, fps, audio, codec, quality } = target;
  return say('rules.target', {
    ...(trim && { part: say('rules.part', trim) }),
    size: size ? withFloor(sizeSentence(size), target) : say('rules.no-visible-loss'),
    ...(resolution && { resolution: formatResolution(resolution) }),
    ...(fps !== undefined && { fps }),
    ...(audio && audio.kind !== 'keep' && { audio: audioSentence(audio) }),
    ...(codec && { codec: CODECS[codec] }),
    ...(quality === 'max' && { quality: say('rules.best-quality') }),
  });
}

/** What holds for most rules is not said. */
function withFloor(size: Sentence, { floor, belowFloor }: Partial<Target>): Sentence {
  if (floor === undefined) return size;
  if (floor === 'any') return say('rules.however-it-looks', { size });
  if (belowFloor === 'keep-quality') return say('rules.else-without-loss', { size, floor });
  return floor === 'good' ? say('rules.if-it-looks-good', { size }) : size;
}

function sizeSentence(size: NonNullable<Target['size']>): Sentence {
  if (size.kind === 'rate') return say('rules.at-most-rate', { bitsPerSecond: size.bitsPerSecond });
  if (size.kind === 'share') return say('rules.at-most-share', { percent: Number((size.share * 100).toFixed(1)) });
  return say('rules.at-most-bytes', { bytes: size.bytes });
}

function audioSentence(audio: Exclude<Target['audio'], { kind: 'keep' }>): Sentence {
  return audio.kind === 'mute'
    ? say('rules.no-sound')
    : say('rules.sound-at', { kilobits: audio.bitsPerSecond / 1000 });
}

function quoted(words: string): string {
  const line = words.replace(/\s+/g, ' ');
  return `"${line.length > 80 ? `${line.slice(0, 80)}...` : line}"`;
}
