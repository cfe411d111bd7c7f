// Organizations
