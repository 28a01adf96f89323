import { useId, useState } from 'preact/hooks';
import { Icon } from '../icons.tsx';
import { useWords } from '../language.ts';
import {
  type Editing,
  type DraftRule,
  moved,
  problemsAt,
  type RuleKey,
  withNewRule,
  withoutRule,
  withValue,
} from './draft.ts';

/** Rules in the order in which they are compared; each opens to be changed. */
export function Rules({ editing }: { editing: Editing }) {
  const { words } = useWords();
  const { view, draft, change } = editing;
  const [open, setOpen] = useState<number>();
  const add = () => {
    const next = withNewRule(draft, words.settings.newName);
    setOpen(next.rules[0]?.id);
    change(next);
  };
  return (
    <section aria-labelledby="rules-title">
      <div class="line">
        <h3 id="rules-title">{words.settings.rules}</h3>
        <span class="quiet">{words.settings.rulesNote}</span>
        <span class="push" />
        {view.editable && (
          <button type="button" class="small" onClick={add}>
            {words.settings.add}
          </button>
        )}
      </div>
      <ol class="cards rules">
        {draft.rules.map((rule, index) => (
          <RuleCard
            key={rule.id}
            editing={editing}
            index={index}
            isOpen={open === rule.id}
            onTurn={() => setOpen(open === rule.id ? undefined : rule.id)}
          />
        ))}
      </ol>
    </section>
  );
}

interface CardProps {
  editing: Editing;
  index: number;
  isOpen: boolean;
  onTurn(): void;
}

function RuleCard({ editing, index, isOpen, onTurn }: CardProps) {
  const { words, language } = useWords();
  const { view, draft, problems, change } = editing;
  const rule = draft.rules[index];
  if (!rule) return null;
  const name = rule.values.name ?? '';
  const isWrong = problems.some(({ path }) => path.startsWith(`rules[${index}]`));
  return (
    <li class={isWrong ? 'card alarm' : 'card'}>
      <div class="rule-head">
        <span class="count figures">{index + 1}</span>
        <div class="what">
          <button
            type="button"
            class="opener"
            aria-expanded={isOpen}
            aria-label={words.settings.edit(name)}
            onClick={onTurn}
          >
            <strong class="name">{name}</strong>
            <span class="chevron" aria-hidden="true" />
          </button>
          <Summary rule={rule} />
        </div>
        {view.editable && (
          <div class="tools">
            {([-1, 1] as const).map(by => (
              <button
                key={by}
                type="button"
                class="small square"
                aria-label={(by < 0 ? words.settings.up : words.settings.down)(name)}
                disabled={by < 0 ? index === 0 : index === draft.rules.length - 1}
                onClick={() => change(moved(draft, index, by))}
              >
                <Icon of={by < 0 ? 'up' : 'down'} />
              </button>
            ))}
          </div>
        )}
      </div>
      {problemsAt(problems, `rules[${index}]`, language).map(text => (
        <p key={text} class="reason">
          {text}
        </p>
      ))}
      {isOpen && <Form editing={editing} index={index} />}
    </li>
  );
}

/** `*.mov, camera/** → 40% · 1080p`. */
function Summary({ rule: { values } }: { rule: DraftRule }) {
  const { words } = useWords();
  const patterns = (values.match ?? '**').split('\n').join(', ');
  const asked = [values.size, values.resolution, values.fps && `${values.fps} fps`, values.audio, values.codec];
  const does = [...asked, values.instruction].filter(text => text && text !== 'keep').join(' · ');
  return (
    <p class="quiet">
      {patterns === '**' ? words.settings.anything : <code>{patterns}</code>} →{' '}
      {values.skip === 'true' ? words.settings.skipped : does || words.settings.noLimit}
    </p>
  );
}

const FIRST: readonly RuleKey[] = ['name', 'match', 'size', 'resolution', 'audio', 'instruction'];
const REST: readonly RuleKey[] = [
  ...(['min_size', 'fps', 'codec', 'quality', 'floor', 'below_floor', 'min_saving', 'output'] as const),
];

const CHOICES: Readonly<Partial<Record<RuleKey, readonly string[]>>> = {
  codec: ['h264', 'h265', 'av1'],
  quality: ['auto', 'max'],
  floor: ['any', 'decent', 'good'],
  below_floor: ['hold', 'keep-quality'],
};

function Form({ editing, index }: { editing: Editing; index: number }) {
  const { words } = useWords();
  const { view, draft, change } = editing;
  const rule = draft.rules[index];
  const engine = rule?.was === null || rule === undefined ? null : view.rules[rule.was]?.engine;
  const field = (key: RuleKey) => <Field key={key} editing={editing} index={index} of={key} />;
  const skip = rule?.values.skip === 'true';
  return (
    <div class="form">
      {FIRST.map(field)}
      <label class="check">
        <input
          type="checkbox"
          checked={skip}
          disabled={!view.editable}
          onChange={() => change(withValue(draft, index, 'skip', skip ? '' : 'true'))}
        />
        {words.settings.keys.skip}
      </label>
      <details class="wide">
        <summary>{words.settings.more}</summary>
        <div class="form">{REST.map(field)}</div>
        {engine && <p class="quiet">{words.settings.engine(engine)}</p>}
      </details>
      {view.editable && (
        <button
          type="button"
          class="small"
          disabled={draft.rules.length === 1}
          onClick={() => change(withoutRule(draft, index))}
        >
          {words.settings.remove}
        </button>
      )}
    </div>
  );
}

function Field({ editing, index, of }: { editing: Editing; index: number; of: RuleKey }) {
  const { words, language } = useWords();
  const { view, draft, problems, change } = editing;
  const id = useId();
  const wrong = problemsAt(problems, `rules[${index}].${of}`, language);
  const set = (text: string) => change(withValue(draft, index, of, text));
  const common = {
    id,
    disabled: !view.editable,
    value: draft.rules[index]?.values[of] ?? '',
    'aria-invalid': wrong.length > 0,
    'aria-describedby': `${id}-wrong`,
  };
  const choices = CHOICES[of];
  const placeholder = (words.settings.examples as Readonly<Record<string, string>>)[of] ?? '';
  return (
    <div class="field">
      <label for={id}>{words.settings.keys[of]}</label>
      {choices ? (
        <select {...common} onChange={event => set(event.currentTarget.value)}>
          <option value="">{words.settings.unchanged}</option>
          {choices.map(each => (
            <option key={each} value={each}>
              {words.settings.choices[each]}
            </option>
          ))}
        </select>
      ) : of === 'match' ? (
        <textarea {...common} rows={2} spellcheck={false} onInput={event => set(event.currentTarget.value)} />
      ) : (
        <input
          {...common}
          type="text"
          autoComplete="off"
          placeholder={placeholder}
          onInput={event => set(event.currentTarget.value)}
        />
      )}
      <p id={`${id}-wrong`} class="reason">
        {wrong.join(' ')}
      </p>
    </div>
  );
}
