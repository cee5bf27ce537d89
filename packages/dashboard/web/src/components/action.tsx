import { type ReactNode, useEffect, useRef, useState } from "react";
import { useWords } from "../words/index.ts";
import { Button, type ButtonProps } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import { Glyph } from "./state.tsx";

/** What an action says when it is done. */
export interface Done {
  said: string;
  /** Takes it back. */
  undo?: () => Promise<Done>;
}

export interface Question {
  title: string;
  /** What will happen, a sentence each. */
  facts?: readonly ReactNode[];
  /** More of the dialog, such as a field: then what goes wrong is said there, and the dialog stays. */
  children?: ReactNode;
  /** Why it cannot be done yet, such as a field that is wrong. */
  wrong?: string | false | null | undefined;
  /** The way back: "Keep them". */
  keep: string;
  /** What is done: "Cancel 12 431 tasks". */
  go: string;
  dangerous?: boolean;
}

export interface ActionProps extends Pick<ButtonProps, "icon" | "look" | "size" | "label" | "disabled" | "children"> {
  /** Asked before it is done; absent for what can be taken back at once. */
  question?: Question;
  /** @param tell - Says how far it has come, where it takes long */
  run: (tell: (progress: string) => void) => Promise<Done>;
  /** The dialog was opened: its fields begin anew. */
  onAsk?: () => void;
  /** What it is about may vanish with it: whether there is an outcome to be read beside the button. */
  onOutcome?: (isShown: boolean) => void;
}

/** A button that does something to the fleet: it asks, shows that it works, and says beside itself how it ended. */
export function Action({ question, run, onAsk, onOutcome, ...button }: ActionProps) {
  const { common } = useWords();
  const [isAsking, setAsking] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [done, setDone] = useState<Done | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [progress, setProgress] = useState<string | null>(null);
  const wasPressed = useRef(false);
  const isShown = isBusy || done !== null || problem !== null;
  useEffect(() => onOutcome?.(isShown), [isShown, onOutcome]);

  const start = async (action: ActionProps["run"]): Promise<void> => {
    // Two presses before the next drawing are one.
    if (wasPressed.current) return;
    wasPressed.current = true;
    setBusy(true);
    setProblem(null);
    setDone(null);
    try {
      setDone(await action(setProgress));
      setAsking(false);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      if (!question?.children) setAsking(false);
    } finally {
      wasPressed.current = false;
      setBusy(false);
      setProgress(null);
    }
  };

  const ask = (): void => {
    setProblem(null);
    onAsk?.();
    setAsking(true);
  };

  return (
    <>
      <Button {...button} busy={isBusy} onClick={() => (question ? ask() : void start(run))} />
      {isAsking && question && (
        <Dialog title={question.title} onClose={() => !isBusy && setAsking(false)}>
          {question.facts && (
            <ul className="plain">
              {question.facts.map((fact, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: the facts of one question do not move
                <li key={index}>
                  <span>
                    <Glyph name="info" />
                  </span>
                  <span>{fact}</span>
                </li>
              ))}
            </ul>
          )}
          <form
            className="stack"
            noValidate
            onSubmit={(event) => {
              event.preventDefault();
              if (!question.wrong && !isBusy) void start(run);
            }}
          >
            {question.children}
            {question.children && problem !== null && <Outcome bad text={problem} />}
            {progress !== null && <p className="soft">{progress}</p>}
            <footer>
              <Button onClick={() => setAsking(false)}>{question.keep}</Button>
              <Button
                type="submit"
                look={question.dangerous ? "danger solid" : "primary"}
                busy={isBusy}
                disabled={question.wrong}
              >
                {question.go}
              </Button>
            </footer>
          </form>
        </Dialog>
      )}
      <span role="status" className="outcome">
        {done && (
          <Outcome text={done.said}>
            {done.undo && (
              <Button size="small" onClick={() => done.undo && void start(done.undo)}>
                {common.undo}
              </Button>
            )}
            <Button size="small" look="quiet" icon="close" label={common.close} onClick={() => setDone(null)} />
          </Outcome>
        )}
        {problem !== null && !isAsking && (
          <Outcome bad text={problem}>
            <Button size="small" look="quiet" icon="close" label={common.close} onClick={() => setProblem(null)} />
          </Outcome>
        )}
      </span>
    </>
  );
}

/** How something ended, beside where it was pressed. */
export function Outcome({ bad = false, text, children }: { bad?: boolean; text: ReactNode; children?: ReactNode }) {
  return (
    <span className={`toast ${bad ? "bad" : "good"}`}>
      <Glyph name={bad ? "failed" : "completed"} />
      <span>{text}</span>
      {children}
    </span>
  );
}
