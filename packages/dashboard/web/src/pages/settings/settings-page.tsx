import { type ReactNode, useId, useState } from "react";
import { PageHead } from "../../components/page.tsx";
import { Moment } from "../../components/time.tsx";
import { exactTime } from "../../format/times.ts";
import { useNow } from "../../live/clock.ts";
import { changeSettings, isTimeZone, LANGUAGES, REFRESHES, THEMES, useSettings } from "../../settings.ts";
import { useVisitor } from "../../visitor/may.ts";
import { VisitorSign } from "../../visitor/visitor-sign.tsx";
import { useWords } from "../../words/index.ts";

/** What a reader chooses for this browser, and who they are. */
export function SettingsPage() {
  const { settings: said } = useWords();
  const { theme, language, startPaused, letterKeys, refresh } = useSettings();
  return (
    <>
      <PageHead title={said.title} tab={said.title} lead={said.lead} />
      <div className="settings">
        <Part title={said.look}>
          <Choice
            label={said.theme}
            choices={THEMES.map((one) => [one, said.themes[one]] as const)}
            chosen={theme}
            onChoose={(chosen) => changeSettings({ theme: chosen })}
          />
          <Choice
            label={said.language}
            choices={LANGUAGES.map((one) => [one, said.languages[one]] as const)}
            chosen={language}
            onChoose={(chosen) => changeSettings({ language: chosen })}
          />
        </Part>
        <Part title={said.times}>
          <TimeZone />
        </Part>
        <Part title={said.behaviour}>
          <Choice
            label={said.refresh}
            choices={REFRESHES.map((one) => [one, said.refreshes[one]] as const)}
            chosen={refresh}
            onChoose={(chosen) => changeSettings({ refresh: chosen })}
          />
          <Check
            label={said.startPaused}
            hint={said.startPausedHint}
            isOn={startPaused}
            onChange={(isOn) => changeSettings({ startPaused: isOn })}
          />
          <Check
            label={said.letterKeys}
            hint={said.letterKeysHint}
            isOn={letterKeys}
            onChange={(isOn) => changeSettings({ letterKeys: isOn })}
          />
        </Part>
        <Access />
      </div>
    </>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="card">
      <header>
        <h2>{title}</h2>
      </header>
      <div className="body settings-part">{children}</div>
    </section>
  );
}

function Choice<Value extends string>(props: {
  label: string;
  choices: readonly (readonly [Value, string])[];
  chosen: Value;
  onChoose: (chosen: Value) => void;
}) {
  const { label, choices, chosen, onChoose } = props;
  const id = useId();
  return (
    <div className="field">
      <span className="label" id={id}>
        {label}
      </span>
      <fieldset className="seg" aria-labelledby={id}>
        {choices.map(([value, words]) => (
          <button key={value} type="button" aria-pressed={value === chosen} onClick={() => onChoose(value)}>
            {words}
          </button>
        ))}
      </fieldset>
    </div>
  );
}

function Check(props: { label: string; hint: string; isOn: boolean; onChange: (isOn: boolean) => void }) {
  const { label, hint, isOn, onChange } = props;
  const id = useId();
  return (
    <div className="field check-field">
      <input
        className="check"
        type="checkbox"
        id={id}
        aria-describedby={`${id}-hint`}
        checked={isOn}
        onChange={({ target }) => onChange(target.checked)}
      />
      <label htmlFor={id}>{label}</label>
      <small id={`${id}-hint`}>{hint}</small>
    </div>
  );
}

function TimeZone() {
  const { settings: said } = useWords();
  const { timeZone } = useSettings();
  const [typed, setTyped] = useState(timeZone === "local" || timeZone === "UTC" ? "" : timeZone);
  const [isOther, setOther] = useState(timeZone !== "local" && timeZone !== "UTC");
  const id = useId();
  const now = useNow();
  const isWrong = isOther && typed !== "" && !isTimeZone(typed);
  return (
    <>
      <Choice
        label={said.timeZone}
        choices={[
          ["local", said.zones.local],
          ["UTC", said.zones.utc],
          ["other", said.zones.other],
        ]}
        chosen={isOther ? "other" : timeZone}
        onChoose={(chosen) => {
          setOther(chosen === "other");
          if (chosen !== "other") changeSettings({ timeZone: chosen });
        }}
      />
      {isOther && (
        <div className="field">
          <label htmlFor={id}>{said.zoneName}</label>
          <input
            className="input"
            id={id}
            list={`${id}-zones`}
            value={typed}
            autoComplete="off"
            spellCheck={false}
            aria-invalid={isWrong || undefined}
            aria-describedby={`${id}-said`}
            onChange={({ target }) => {
              const name = target.value.trim();
              setTyped(name);
              if (name !== "" && isTimeZone(name)) changeSettings({ timeZone: name });
            }}
          />
          <datalist id={`${id}-zones`}>
            {Intl.supportedValuesOf("timeZone").map((zone) => (
              <option key={zone} value={zone} />
            ))}
          </datalist>
          <small id={`${id}-said`} className={isWrong ? "bad" : ""}>
            {isWrong ? said.wrongZone(typed) : said.zoneHint}
          </small>
        </div>
      )}
      <p className="soft">{said.now(exactTime(now).replace(/\.\d{3}/, ""))}</p>
    </>
  );
}

function Access() {
  const {
    settings: said,
    visitor: { roles },
  } = useWords();
  const visitor = useVisitor();
  if (visitor === undefined) return null;
  const how = { token: said.byToken, proxy: said.byProxy, application: said.byApplication, open: said.byOpen };
  const needed = [...new Set(Object.values(visitor.needs))].flatMap((role) => (role ? [roles[role]] : []));
  return (
    <Part title={said.access}>
      <dl className="facts">
        <dt>{said.signedIn}</dt>
        <dd>
          <VisitorSign />
          {!visitor.session && <small>{how[visitor.by]}</small>}
        </dd>
        {visitor.session && (
          <>
            <dt>{said.sessionEnds}</dt>
            <dd>
              <Moment at={visitor.session.expiresAt} /> <small>{said.sessionEndsHint}</small>
            </dd>
          </>
        )}
        {needed.length > 0 && (
          <>
            <dt>{said.mayNot}</dt>
            <dd>{said.mayNotHint(needed.join(said.or))}</dd>
          </>
        )}
      </dl>
    </Part>
  );
}
