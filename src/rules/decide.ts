/** Which rule a file gets, and what that asks for; pure. First match wins, and every answer has its reason. */
import type { Rule } from '../config/load.ts';
import type { Decision, EngineName, Sidecar } from '../core/job.ts';
import type { Target } from '../core/target.ts';
import { messageOf, type Sentence } from '../core/message.ts';
import { extensionOf, VIDEO_EXTENSIONS } from '../core/file-names.ts';
import { NEMO_FORMATS } from '../engine/engine.ts';
import { formatBytes } from '../core/units.ts';
import { describeTarget } from './describe.ts';
import { parseInstruction, type InstructionTarget } from './instruction/parse.ts';
import { matches } from './match.ts';
import { outputFor } from './output-name.ts';

export interface Question {
  /** What is known of the file; a Sighting and its size. */
  sighting: {
    relative: string;
    sizeBytes: number;
    sidecar?: Pick<Sidecar, 'path' | 'text'> | undefined;
    refused?: Sentence | undefined;
  };
  /** The rules of the folder, in order. */
  rules: readonly Rule[];
  defaults: { engine: EngineName };
  /** Which version of the result; from 2 on it shows in the name. */
  version?: number | undefined;
}

/** One rule looked at. */
export interface Looked {
  name: string;
  matched: boolean;
  why: string;
}

export interface Answer {
  decision: Decision;
  /** The rules looked at, in order, up to the one that matched. */
  looked: Looked[];
}

export function decide(question: Question): Answer {
  const { sighting, rules } = question;
  if (sighting.refused !== undefined) {
    const reason = sighting.refused;
    return { decision: { kind: 'skip', reason: reason.text, messages: { reason: messageOf(reason) } }, looked: [] };
  }
  const looked: Looked[] = [];
  for (const rule of rules) {
    const look = lookAt(rule, sighting);
    looked.push({ name: rule.name, ...look });
    if (look.matched) return { decision: apply(rule, question), looked };
  }
  const why = looked.map(({ name, why }) => `${name}: ${why}`).join('; ');
  return { decision: { kind: 'skip', reason: `no rule matches (${why || 'the folder has none'})` }, looked };
}

function lookAt(rule: Rule, { relative, sizeBytes }: Question['sighting']): { matched: boolean; why: string } {
  const patterns = rule.match.join(', ');
  if (!matches(rule.match, relative)) return { matched: false, why: `match is ${patterns}` };
  // What is behind a link is not known yet.
  if (rule.minSize !== undefined && sizeBytes < rule.minSize && !isLink(relative)) {
    const sizes = `it has ${formatBytes(sizeBytes)}, min_size is ${formatBytes(rule.minSize)}`;
    return { matched: false, why: sizes };
  }
  return { matched: true, why: patterns === '**' ? 'it matches every file' : `match is ${patterns}` };
}

function apply(rule: Rule, question: Question): Decision {
  const { sighting } = question;
  if (rule.skip) return { kind: 'skip', rule: rule.name, reason: `the rule "${rule.name}" says skip` };
  const wanted = rule.engine ?? question.defaults.engine;
  const engine = engineFor(wanted, rule, sighting.relative);
  if ('reason' in engine) return { kind: 'skip', rule: rule.name, reason: engine.reason };

  const words = wordsFor(rule, sighting.sidecar);
  const parsed = words && parseInstruction(words.text, sighting.sizeBytes);
  const instruction = words && { instruction: words.text };
  if (engine.name === 'local' && words && parsed && parsed.notUnderstood.length > 0) {
    const hold = {
      rule: rule.name,
      engine: engine.name,
      ...instruction,
      ...doNotGuess(parsed.notUnderstood, words.from),
    };
    return { kind: 'hold', ...hold };
  }
  const target = targetOf(rule, parsed?.target ?? {});
  const because = [
    `rule "${rule.name}" is the first that matches`,
    words && `${words.from} says ${quoted(words.text)}`,
    describeTarget(target),
    engine.why,
  ];
  return {
    kind: 'do',
    rule: rule.name,
    engine: engine.name,
    fallback: engine.name === 'nemo' ? rule.fallback : 'none',
    target,
    ...instruction,
    output: outputFor(rule.output, sighting.relative, rule.name, question.version),
    why: because.filter(part => part).join('; '),
  };
}

/** The engine that does it, or why none can. */
function engineFor(
  wanted: EngineName,
  rule: Rule,
  relative: string,
): { name: EngineName; why: string } | { reason: string } {
  const name = relative.slice(relative.lastIndexOf('/') + 1);
  const extension = extensionOf(name);
  const isVideo = VIDEO_EXTENSIONS.has(extension);
  if (isLink(name)) {
    if (wanted === 'nemo') return { name: 'nemo', why: 'the cloud fetches what the link leads to' };
    return { reason: `${name} is a link, and links are for the cloud: only a rule with engine: nemo takes them` };
  }
  if (wanted === 'local') {
    if (isVideo) return { name: 'local', why: 'done on this machine' };
    return { reason: `${name} is not a video by its name; the local engine takes ${[...VIDEO_EXTENSIONS].join(', ')}` };
  }
  if (NEMO_FORMATS.includes(extension)) return { name: 'nemo', why: 'done by the cloud' };
  if (rule.fallback === 'local' && isVideo) {
    return { name: 'local', why: `done on this machine, as the cloud does not take .${extension}` };
  }
  return { reason: `the cloud does not take ${name}; it takes ${NEMO_FORMATS.join(', ')}` };
}

/** `link.url`, `link.webloc` and `link.url.txt` stand for what they lead to. */
function isLink(path: string): boolean {
  return /[^/]\.(?:url|webloc|url\.txt)$/i.test(path);
}

/** The words that count: those beside the file, else the rule's; an empty file says nothing. */
function wordsFor(rule: Rule, sidecar: Question['sighting']['sidecar']): { text: string; from: string } | undefined {
  const beside = sidecar?.text.trim();
  if (sidecar && beside) return { text: beside, from: sidecar.path.slice(sidecar.path.lastIndexOf('/') + 1) };
  return rule.instruction ? { text: rule.instruction, from: 'the instruction' } : undefined;
}

/** The words win; what they leave open the rule's own keys say. */
function targetOf(rule: Rule, target: InstructionTarget): Target {
  const size = target.size ?? rule.size;
  const resolution = target.resolution ?? rule.resolution;
  const fps = target.fps ?? rule.fps;
  const codec = target.codec ?? rule.codec;
  return {
    ...(size && { size }),
    ...(resolution !== 'keep' && { resolution }),
    ...(fps !== undefined && fps !== 'keep' && { fps }),
    audio: target.audio ?? rule.audio,
    ...(codec && { codec }),
    quality: target.quality ?? rule.quality,
    minSaving: rule.minSaving,
  };
}

function doNotGuess(words: readonly string[], from: string): { reason: string; hint: string } {
  const list = words.slice(0, 5).map(quoted).join(', ');
  return {
    reason: `the local engine only makes videos smaller and cannot do, or does not understand, ${list} (from ${from})`,
    hint: 'Change the words (a size, a resolution, frames per second, sound, codec or quality), or give the rule engine: nemo, which understands more.',
  };
}

function quoted(words: string): string {
  const line = words.replace(/\s+/g, ' ');
  return `"${line.length > 80 ? `${line.slice(0, 80)}...` : line}"`;
}
