import { useState } from 'preact/hooks';
import { keepToken } from './access.ts';
import { useWords } from './language.ts';

interface SignInProps {
  /** What a person should know first. */
  problem: 'wrong' | 'link-over' | undefined;
  onToken(): void;
}

/** Asks for the token where the server wants one. */
export function SignIn({ problem, onToken }: SignInProps) {
  const { words } = useWords();
  const [token, setToken] = useState('');
  const [isKept, setKept] = useState(false);
  const enter = (event: Event) => {
    event.preventDefault();
    keepToken(token.trim(), isKept);
    onToken();
  };
  return (
    <main class="sign-in">
      <form class="card" onSubmit={enter}>
        <h1>{words.signIn.title}</h1>
        {problem === 'link-over' && <p class="reason">{words.signIn.linkOver}</p>}
        <p class="quiet" id="sign-in-hint">
          {words.signIn.hint}
        </p>
        <label for="token">{words.signIn.label}</label>
        <input
          id="token"
          type="password"
          autoComplete="current-password"
          required
          aria-describedby="sign-in-hint"
          value={token}
          onInput={event => setToken(event.currentTarget.value)}
        />
        <label class="line stay">
          <input type="checkbox" checked={isKept} onChange={event => setKept(event.currentTarget.checked)} />
          {words.signIn.stay}
        </label>
        <div role="alert">{problem === 'wrong' && <p class="reason">{words.signIn.wrong}</p>}</div>
        <button type="submit" class="main">
          {words.signIn.enter}
        </button>
      </form>
    </main>
  );
}
