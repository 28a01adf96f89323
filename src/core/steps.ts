interface Step {
  /** English, as `status` and `jobs` show it. Journals keep it: changing a text needs a row in RENAMED. */
  text: string;
  /** Value of the `step` label in metrics. */
  label: string;
}

/** Every step of every engine. A closed set: free text never becomes a metric label. */
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

/** Distinguishes two runs of one step. `attempt` counts from 1; `part` is 1-based. */
export interface StepParams {
  attempt?: number;
  part?: number;
  parts?: number;
}

/** The current step of an engine: its English text as journals keep it, and the same as data (absent in journals of 0.1.0). */
export interface NamedStep {
  step: string;
  stepId?: StepId;
  stepParams?: StepParams;
}

/** `pass 2 of 2, attempt 3`: the English text of a step. */
export function stepText(id: StepId, params: StepParams = {}): string {
  const { attempt, part, parts } = params;
  const which = part === undefined ? '' : parts === undefined ? `, part ${part}` : `, part ${part} of ${parts}`;
  return `${STEPS[id].text}${which}${attempt !== undefined && attempt > 1 ? `, attempt ${attempt}` : ''}`;
}

/** The step as it is kept in a job's state and in the journal. */
export function namedStep(id: StepId, params?: StepParams): NamedStep {
  return { step: stepText(id, params), stepId: id, stepParams: params };
}

/** How the step texts of 0.1.0 began, for journals without `stepId`. */
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

/** The step named by the text of an old journal; `undefined` for any other text. */
export function stepOfText(text: string): StepId | undefined {
  const byText = (Object.keys(STEPS) as StepId[]).find(id => STEPS[id].text === text);
  return byText ?? RENAMED.find(([begins]) => text.startsWith(begins))?.[1];
}

/** The metric label of a job's current step; `undefined` if it is at none. */
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
