import { endOfValue, parseJson } from '../http/json.ts';
import { sanitizeReply } from '../http/sanitize.ts';

/**
 * The agent writes for somebody in front of the service's editor, which nobody here is. Instructions to click, open or drag are removed
 * from what a person reads, and returned as the actions they stand for. No action is carried out from here: the agent's words alone
 * must not lead to anything that costs.
 */
type GuiAction = 'export' | 'state' | 'timeline' | 'edit' | 'credits' | 'act';

export interface Translated {
  /** What a person reads; empty if there were only instructions for the editor. */
  text: string;
  /** The actions behind the instructions, each once, in order. */
  actions: GuiAction[];
  /** Edits that are left to the person (drag, drop, adjust), as the agent worded them. Another message would carry them out, and cost. */
  openSteps: string[];
}

/** First match wins, so the export button comes before any button. */
const RULES: readonly { action: GuiAction; pattern: RegExp }[] = [
  {
    action: 'export',
    pattern:
      /\bexport (?:button|icon|menu|panel|option)\b|\b(?:click|press|tap|hit|use|select|choose)\b[^.]{0,40}\bexport\b|导出按钮|[“"「]导出[”"」]|点击[^。！？，,]{0,12}导出|導出按鈕/iu,
  },
  {
    action: 'timeline',
    pattern:
      /\b(?:preview|watch|check|view|see|play)\b[^.]{0,40}\bin (?:the |your )?(?:timeline|player|preview|editor)\b|(?:时间线|时间轴|播放器)[^。！？]{0,8}(?:预览|查看|播放)|在(?:时间线|时间轴|播放器|预览)/iu,
  },
  {
    action: 'credits',
    pattern:
      /\b(?:check|go to|visit|see|open)\b[^.]{0,40}\b(?:account|billing|dashboard|settings|subscription)\b|(?:账户|账单|设置页面)/iu,
  },
  {
    action: 'edit',
    pattern:
      /\bdrag(?:ging)?\b|\bdrop (?:it|the|them|this|your)\b|拖拽|拖动|拖放|拖到|\badjust\b[^.]{0,40}\bin the editor\b/iu,
  },
  {
    action: 'state',
    pattern:
      /\b(?:open|expand|go to|switch to|navigate to)\b[^.]{0,40}\b(?:panel|menu|tab|sidebar|window|editor|library|inspector|timeline)\b|打开/iu,
  },
  {
    action: 'act',
    pattern:
      /\b(?:click|tap|press|double-click|right-click)\b|\b(?:use|using|hit|via|with) the [^.]{0,20}\bbutton\b|点击|按下|单击|点按/iu,
  },
];

export function translate(agentText: string): Translated {
  const found: Found = { actions: [], openSteps: [] };
  const lines = withoutJson(sanitizeReply(agentText))
    .split('\n')
    .map(line => translateLine(line, found));
  const text = lines
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
  return { text, ...found };
}

type Found = Omit<Translated, 'text'>;

/** JSON that the agent passes on from its tools is not for people; a fence around it goes with it. */
function withoutJson(text: string): string {
  const bare = text.replace(/```(?:json)?\s*([[{][\s\S]*?)```/gi, '$1');
  const parts: string[] = [];
  let from = 0;
  for (const { index } of bare.matchAll(/[[{]\s*["{[]/g)) {
    if (index < from) continue;
    const end = endOfValue(bare, index);
    if (parseJson(bare.slice(index, end)) === undefined) continue;
    parts.push(bare.slice(from, index));
    from = end;
  }
  return [...parts, bare.slice(from)].join(' ');
}

function translateLine(line: string, found: Found): string {
  const kept = sentencesOf(line).map(sentence => translateSentence(sentence, found));
  return kept
    .join('')
    .replace(/[ \t]{2,}/g, ' ')
    .trim();
}

/** With their end marks and following spaces, so that joining restores the line. */
function sentencesOf(line: string): string[] {
  return line.match(/.*?(?:[.!?](?=\s|$)\s*|[。！？]\s*|$)/gsu)?.filter(part => part !== '') ?? [];
}

/** A sentence that only instructs is removed; one that also reports keeps the parts that do. */
function translateSentence(sentence: string, steps: Found): string {
  const rule = ruleFor(sentence);
  if (!rule) return sentence;
  const clauses = sentence.split(
    /(?<=[,;，；])\s*|\s+(?=(?:and|then|so|but) (?:you |please )?(?:can |may )?(?:click|tap|press|open|drag|use|go|preview|check))/iu,
  );
  const kept: string[] = [];
  for (const clause of clauses) {
    const found = isReport(clause) ? undefined : ruleFor(clause);
    if (found) note(steps, found.action, clause);
    else kept.push(clause);
  }
  if (kept.length === clauses.length && isReport(sentence)) return sentence;
  if (kept.length === clauses.length) note(steps, rule.action, sentence);
  const rest = kept.length === clauses.length ? '' : kept.join(' ');
  return isContent(rest)
    ? `${rest.replace(/[\s,;，；.!?。！？]+$/u, '').replace(/^(?:and|then|so|but)\s+/i, '')}${endMark(sentence)} `
    : '';
}

/** Text in quotes is content (a title may read "Click here"), except for the name of the export button. */
function ruleFor(text: string): (typeof RULES)[number] | undefined {
  const bare = text.replace(/"[^"]*"|“[^”]*”|「[^」]*」/gu, quoted =>
    /^.(?:export|导出|導出)/iu.test(quoted) ? quoted : '""',
  );
  const verbs = bare.replace(NOUNS, 'noun');
  return RULES.find(one => one.pattern.test(verbs));
}

/** Sounds and things that are called like what a person does at an editor. */
const NOUNS =
  /\b(?:the|an?|this|that|these|those|any|some|all|no|mouse|keyboard|camera|audible|loud) (?:clicks?|clicking|taps?|tapping|presses|drag|dragging)\b(?! (?:the|on)\b)|(?:点击|按下)(?:声|音|噪)/giu;

/** What the agent says of its own work. */
const REPORT =
  /^\W*(?:(?:and|then|also|so|but|first|finally|next|done)\W+)*(?:(?:I|we)(?:'ve| have)?(?: (?:also|now|just|already))* \w+|(?:removed|added|trimmed|cut|muted|lowered|raised|reduced|replaced|moved|dragged|dropped|opened|split|merged|cropped|adjusted|applied|deleted|cleaned|cleaned up|filtered)\b|(?:我们?)?(?:已经?|刚刚?|都)|我们?(?:把|将|给|去|移|删|加|剪|调|打开|拖))/iu;
/** Words that turn a report into something left to the person. */
const FOR_THE_PERSON =
  /\b(?:you|your|please|let's|suggest|recommend|advise|would|'d|need|want|can(?:no|')?t)\b|[您你请請]|建议|需要|无法|不能/iu;

function isReport(text: string): boolean {
  return REPORT.test(text) && !FOR_THE_PERSON.test(text);
}

const MAX_STEPS = 3;
const MAX_STEP_LENGTH = 200;

function note({ actions, openSteps }: Found, action: GuiAction, words: string): void {
  if (!actions.includes(action)) actions.push(action);
  if (action !== 'edit' || openSteps.length >= MAX_STEPS) return;
  const step = words
    .trim()
    .replace(/[\s,;，；]+$/u, '')
    .slice(0, MAX_STEP_LENGTH);
  if (step !== '') openSteps.push(step);
}

/** Leftovers such as "To do so," or "然后，" say nothing. */
function isContent(text: string): boolean {
  const bare = text.replace(/[\s,;，；.!?。！？]+/gu, ' ').trim();
  if (/^(?:to|in order to|if|when|once|after|then|now|please|next|finally|just|you can|for|from)\b/i.test(bare))
    return false;
  if (/^(?:请|然后|接着|最后|如果|要|现在|之后|您可以|你可以|可以)/u.test(bare)) return false;
  return /[一-鿿]{2,}/u.test(bare) || bare.split(' ').length > 1;
}

function endMark(sentence: string): string {
  return /[。！？]\s*$/u.exec(sentence)?.[0].trim() ?? /[.!?]\s*$/.exec(sentence)?.[0].trim() ?? '.';
}
