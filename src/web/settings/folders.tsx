import { useWords } from '../language.ts';
import { type Editing, problemsAt, withRuleIn } from './draft.ts';

/** Where files come from and go to, and which rules apply there. */
export function Folders({ editing }: { editing: Editing }) {
  const { words, language } = useWords();
  const { view, draft, problems, change } = editing;
  const all = draft.rules.flatMap(({ values }) => values.name ?? []);
  return (
    <section aria-labelledby="folders-title">
      <h3 id="folders-title">{words.settings.folders}</h3>
      <ul class="cards">
        {view.folders.map(({ inbox, outbox, originals, archive, archive_days: days }, index) => (
          <li key={inbox} class="card">
            <p class="path">
              <code>{inbox}</code>
            </p>
            <p class="quiet path">
              {words.settings.results} <code>{outbox}</code>
            </p>
            <p class="quiet path">
              {originals === 'archive'
                ? words.settings.originals.archive(archive ?? '', days)
                : words.settings.originals[originals]}
            </p>
            <fieldset class="checks" disabled={!view.editable}>
              <legend>{words.settings.rulesHere}</legend>
              {all.map(name => {
                const applies = draft.folders[index]?.includes(name) ?? true;
                return (
                  <label key={name} class="check">
                    <input
                      type="checkbox"
                      checked={applies}
                      onChange={() => change(withRuleIn(draft, index, name, !applies))}
                    />
                    {name}
                  </label>
                );
              })}
            </fieldset>
            {problemsAt(problems, `folders[${index}].rules`, language).map(text => (
              <p key={text} class="reason">
                {text}
              </p>
            ))}
          </li>
        ))}
      </ul>
    </section>
  );
}
