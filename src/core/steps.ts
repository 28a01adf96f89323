import type { JobState } from './job.ts';

/** Steps the engines know; whatever else they say counts as `other`, so that no sentence becomes a label. */
const KNOWN: readonly (readonly [begins: string, label: string])[] = [
  ['preparing', 'preparing'],
  ['looking into the source', 'probing'],
  ['copying without loss', 'copying'],
  ['sound', 'sound'],
  ['sampling', 'sampling'],
  ['straightening', 'straightening'],
  ['pass 1', 'pass-1'],
  ['pass 2', 'pass-2'],
  ['one pass', 'pass'],
  ['joining', 'joining'],
  ['comparing', 'comparing'],
  ['cutting', 'cutting'],
  ['uploading', 'uploading'],
  ['opening a session', 'opening'],
  ['asking the agent', 'asking'],
  ['instruction carried out', 'asked'],
  ['confirmed', 'asked'],
  ['rendering', 'rendering'],
  ['downloading', 'downloading'],
  ['compressing here', 'shrinking-here'],
  ['making it', 'shrinking-here'],
];

/** The label of the step a job is in; `undefined` where nothing is being done to it. */
export function stepLabel(state: JobState): string | undefined {
  switch (state.name) {
    case 'running':
      return KNOWN.find(([begins]) => state.step.startsWith(begins))?.[1] ?? 'other';
    case 'in-doubt':
    case 'verifying':
    case 'delivering':
    case 'queued':
      return state.name;
    default:
      return undefined;
  }
}
