"""What to cite for an export, as BibTeX."""

from __future__ import annotations

SCALEARN = """@inproceedings{frohmann-etal-2024-scalearn,
  title = {{ScaLearn}: Simple and Highly Parameter-Efficient Task Transfer by Learning to Scale},
  author = {Frohmann, Markus and Holtermann, Carolin and Masoudian, Shahed and Lauscher, Anne and Rekabsaz, Navid},
  booktitle = {Findings of the Association for Computational Linguistics: ACL 2024},
  year = {2024},
  eprint = {2310.01217},
  archiveprefix = {arXiv}
}"""
ADAPTERS = """@inproceedings{poth-etal-2023-adapters,
  title = {Adapters: A Unified Library for Parameter-Efficient and Modular Transfer Learning},
  author = {Poth, Clifton and Sterz, Hannah and Paul, Indraneil and Purkayastha, Sukannya and Engl{\\"a}nder, Leon and
            Imhof, Timo and Vuli{\\'c}, Ivan and Ruder, Sebastian and Gurevych, Iryna and Pfeiffer, Jonas},
  booktitle = {Proceedings of EMNLP 2023: System Demonstrations},
  year = {2023},
  eprint = {2311.11077},
  archiveprefix = {arXiv}
}"""
ENTRIES = (SCALEARN, ADAPTERS)
