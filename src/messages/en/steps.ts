import { STEPS, type StepId, type StepParams, stepText } from '../../core/steps.ts';

type StepCode = `step.${StepId}`;

/** Steps have their English words in core, beside their metric labels. */
export const STEPS_EN = Object.fromEntries(
  (Object.keys(STEPS) as StepId[]).map(id => [`step.${id}`, (params: StepParams) => stepText(id, params)]),
) as Record<StepCode, (params: StepParams) => string>;
