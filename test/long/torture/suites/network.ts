/** The cloud engine over a bad network, and with a service that misbehaves. Table tests of single answers stand in test/engine/nemo. */
import { service } from '../network/service.ts';
import { weather } from '../network/weather.ts';
import type { Suite } from '../suite.ts';

export const network: Suite = {
  name: 'network',
  about: 'cloud jobs over a bad network: done once, or held with a reason; never a second message, no paid step twice',
  cases: [...weather, ...service],
};
