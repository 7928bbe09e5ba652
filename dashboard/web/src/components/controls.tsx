// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Small controls: one of several, and a field to search in.
import { useId } from "preact/hooks";

interface ChoiceProps<T extends string | number> {
	label: string;
	value: T;
	options: { value: T; text: string; title?: string }[];
	onChange: (value: T) => void;
}

/** One of a few, all of them shown: radio buttons that look like one strip. */
export function Choice<T extends string | number>({ label, value, options, onChange }: ChoiceProps<T>) {
	const name = useId();
	return (
		<fieldset class="choice">
			<legend class="visually-hidden">{label}</legend>
			{options.map((option) => (
				<label key={option.value} title={option.title}>
					<input
						type="radio"
						name={name}
						class="visually-hidden"
						checked={option.value === value}
						onChange={() => onChange(option.value)}
					/>
					<span>{option.text}</span>
				</label>
			))}
		</fieldset>
	);
}

interface SearchProps {
	label: string;
	value: string;
	onInput: (value: string) => void;
}

/** The key / leads here, see app.tsx. */
export function Search({ label, value, onInput }: SearchProps) {
	return (
		<input
			type="search"
			class="search"
			placeholder={`${label}  (/)`}
			aria-label={label}
			value={value}
			onInput={(event) => onInput(event.currentTarget.value)}
			onKeyDown={(event) => {
				if (event.key !== "Escape") return;
				onInput("");
				event.currentTarget.blur();
			}}
		/>
	);
}
