interface Step {
  /** English, as `status` and `jobs` show it. Journals keep it: changing one needs a row in RENAMED. */
  text: string;
  /** Value of the `step` label in metrics. */
  label: string;
}

/** Every step an engine can be at. Closed: no sentence ever becomes a metric label. */
export const STEPS = {
  preparing: { text: 'preparing', label: 'preparing' },
  probe: { text: 'reading the source', label: 'probing' },
  copy: { text: 'copying without loss', label: 'copying' },
  audio: { text: 'encoding sound', label: 'sound' },
  sample: { text: 'sampling', label: 'sampling' },
  'fix-timestamps': { text: 'fixing timestamps', label: 'straightening' },
  'one-pass': { text: 'encoding in one pass', label: 'pass' },
  'pass-1': { text: 'pass 1 of 2', label: 'pass-1' },
  'pass-2': { text: 'pass 2 of 2', label: 'pass-2' },
  join: { text: 'joining', label: 'joining' },
  compare: { text: 'comparing with the source', label: 'comparing' },
  'open-session': { text: 'opening a session', label: 'opening' },
  upload: { text: 'uploading', label: 'uploading' },
  ask: { text: 'sending the instruction', label: 'asking' },
  'ask-smaller': { text: 'asking for a smaller file', label: 'asking' },
  'confirm-message': { text: 'checking whether the instruction arrived', label: 'asking' },
  confirmed: { text: 'instruction carried out', label: 'asked' },
  render: { text: 'rendering', label: 'rendering' },
  download: { text: 'downloading', label: 'downloading' },
  'compress-here': { text: 'compressing here: too large for the cloud', label: 'shrinking-here' },
  'shrink-to-upload': { text: 'making it small enough to upload', label: 'shrinking-here' },
  'fit-here': { text: 'making it fit here', label: 'shrinking-here' },
  split: { text: 'cutting it into parts', label: 'cutting' },
  'join-parts': { text: 'joining the parts', label: 'joining' },
} satisfies Record<string, Step>;

export type StepId = keyof typeof STEPS;

/** What tells two runs of one step apart. `attempt` counts from 1; `part` is 1-based. */
export interface StepParams {
  attempt?: number;
  part?: number;
  parts?: number;
}

/** The step an engine is at: its English words as journals keep them, and what they say as data (absent in journals of 0.1.0). */
export interface NamedStep {
  step: string;
  stepId?: StepId;
  stepParams?: StepParams;
}

/** `pass 2 of 2, attempt 3`: the English words of a step. */
export function stepText(id: StepId, params: StepParams = {}): string {
  const { attempt, part, parts } = params;
  const which = part === undefined ? '' : parts === undefined ? `, part ${part}` : `, part ${part} of ${parts}`;
  return `${STEPS[id].text}${which}${attempt !== undefined && attempt > 1 ? `, attempt ${attempt}` : ''}`;
}

/** The step as a job's state and the journal keep it. */
export function namedStep(id: StepId, params?: StepParams): NamedStep {
  return { step: stepText(id, params), stepId: id, stepParams: params };
}

/** How 0.1.0 began the texts of its steps, for journals that have no `stepId`. */
const RENAMED: readonly (readonly [begins: string, id: StepId])[] = [
  ['looking into the source', 'probe'],
  ['sound', 'audio'],
  ['straightening', 'fix-timestamps'],
  ['one pass', 'one-pass'],
  ['pass 1', 'pass-1'],
  ['pass 2', 'pass-2'],
  ['asking the agent for a smaller file', 'ask-smaller'],
  ['asking the agent', 'ask'],
  ['asking what became of the instruction', 'confirm-message'],
  ['confirmed', 'confirmed'],
];

/** The step that the text of an old journal names; `undefined` for any other text. */
export function stepOfText(text: string): StepId | undefined {
  const byText = (Object.keys(STEPS) as StepId[]).find(id => STEPS[id].text === text);
  return byText ?? RENAMED.find(([begins]) => text.startsWith(begins))?.[1];
}

/** The metric label of what is happening to a job; `undefined` where nothing is. */
export function stepLabel(
  state: { name: string; engine?: string; since?: number } & Partial<NamedStep>,
): string | undefined {
  switch (state.name) {
    case 'running': {
      const id = state.stepId ?? stepOfText(state.step ?? '');
      return id ? STEPS[id].label : 'other';
    }
    case 'in-doubt':
    case 'verifying':
    case 'delivering':
    case 'queued':
      return state.name;
    default:
      return undefined;
  }
}
