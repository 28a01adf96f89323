import { STEPS_EN } from './steps.ts';

/** Every code with its English words, one file a room. */
export const EN = { ...STEPS_EN };
