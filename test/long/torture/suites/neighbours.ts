/** Other people of the machine, with user ids of their own: who may write into a folder, and who may only ask. */
import { noNeighbours } from '../../../support/exchanger.ts';
import { type Attack, attacks } from '../neighbours/acts.ts';
import { daemonCases } from '../neighbours/daemon.ts';
import type { Case, Suite } from '../suite.ts';

/** Each attack is one exchange after the other, without a pause that is worth the name. */
const ATTACK_MS = 60_000;

function ofAttack({ name, run }: Attack): Case {
  return {
    name,
    keeps: 'nobody gets at the files of others',
    ...(noNeighbours !== undefined && { cannot: noNeighbours }),
    async run({ random }) {
      const { tries, exchanges, outcomes } = await run({ forMs: ATTACK_MS, seed: random.between(1, 2 ** 30) });
      const said = Object.entries(outcomes).map(([outcome, count]) => `${count} ${outcome}`);
      return `${tries} tries during ${exchanges} exchanges, nothing got through: ${said.join(', ')}`;
    },
  };
}

export const neighbours: Suite = {
  name: 'neighbours',
  about: 'other users exchange, plant and ask; no file of others is touched, and what is said is what happened',
  cases: [...attacks.map(ofAttack), ...daemonCases],
};
