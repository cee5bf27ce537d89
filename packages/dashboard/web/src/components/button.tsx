import type { ReactNode, Ref } from "react";
import { Icon, type IconName } from "./icon.tsx";

export interface ButtonProps {
  children?: ReactNode;
  icon?: IconName;
  /** One word or two; "danger solid" is for the last button of a dialog. */
  look?: "plain" | "primary" | "quiet" | "danger" | "danger solid";
  size?: "small";
  /** Of a button that shows only its icon; with the key that does the same. */
  label?: string;
  /** Why it cannot be pressed; it stays focusable and says so. */
  disabled?: string | false | null | undefined;
  busy?: boolean;
  pressed?: boolean;
  type?: "button" | "submit";
  onClick?: () => void;
  ref?: Ref<HTMLButtonElement>;
}

export function Button(props: ButtonProps) {
  const { children, icon, look = "plain", size, label, disabled, busy, pressed, type = "button", onClick, ref } = props;
  const isIcon = children === undefined;
  const isOff = Boolean(disabled) || busy;
  const classes = ["btn", look === "plain" ? "" : look, size ?? "", isIcon ? "icon" : ""].filter(Boolean).join(" ");
  return (
    <button
      ref={ref}
      type={type}
      className={classes}
      aria-label={label}
      title={disabled ? String(disabled) : label}
      aria-disabled={isOff ? true : undefined}
      aria-busy={busy ? true : undefined}
      aria-pressed={pressed}
      onClick={(event) => {
        if (isOff) event.preventDefault();
        else onClick?.();
      }}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}
