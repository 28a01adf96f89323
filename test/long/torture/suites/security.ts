/** What others may see of shrinkbox, and what they may make it do. */
import { doors, swapped, templates } from '../security/intruders.ts';
import { dependencies, modes, planted, twoDaemons } from '../security/secrets.ts';
import type { Suite } from '../suite.ts';

export const security: Suite = {
  name: 'security',
  about: 'no secret gets out, nobody gets in, two of them never share a state',
  cases: [planted, modes, doors, swapped, templates, twoDaemons, dependencies],
};
