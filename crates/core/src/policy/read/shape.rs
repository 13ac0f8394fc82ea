//! How shapes are declared: one declaration gives the type, its reader, its list of fields and its schema.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{Field, List, Located, Table};

/// Declares a mapping with fixed fields.
macro_rules! shape {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            required { $( $(#[doc = $rdoc:literal])+ $(#[schemars($($rschema:tt)*)])* $rfield:ident: $rtype:ty, )* }
            optional { $( $(#[doc = $odoc:literal])+ $(#[schemars($($oschema:tt)*)])* $ofield:ident: $otype:ty, )* }
        }
    ) => {
        #[derive(Debug, schemars::JsonSchema)]
        $(#[$meta])*
        #[schemars(deny_unknown_fields)]
        $vis struct $name {
            $( $(#[doc = $rdoc])+ $(#[schemars($($rschema)*)])* pub(in crate::policy) $rfield: $crate::policy::read::Field<$rtype>, )*
            $( $(#[doc = $odoc])+ $(#[schemars($($oschema)*)])* #[schemars(default)] pub(in crate::policy) $ofield: $crate::policy::read::Field<$otype>, )*
        }

        impl $name {
            /// Every field with what it is for.
            pub(in crate::policy) const FIELDS: &[$crate::policy::read::KnownField] = &[
                $( (stringify!($rfield), &[$($rdoc),+]), )*
                $( (stringify!($ofield), &[$($odoc),+]), )*
            ];
        }

        impl $crate::policy::read::FromNode for $name {
            fn from_node(node: &$crate::policy::tree::Node, faults: &mut $crate::policy::read::Faults) -> Option<Self> {
                let mut fields = $crate::policy::read::Fields::of(node, faults)?;
                let shape = Self {
                    $( $rfield: fields.required((stringify!($rfield), &[$($rdoc),+]), faults), )*
                    $( $ofield: fields.optional($crate::policy::read::field_name(stringify!($ofield)), faults), )*
                };
                fields.end(Self::FIELDS, faults);
                Some(shape)
            }
        }
    };
}
pub(in crate::policy) use shape;

/// Declares a field that takes one of a few words.
macro_rules! words {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal,)+ }) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema)]
        $(#[$meta])*
        $vis enum $name {
            $($(#[$vmeta])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// The word as written in the policy file.
            #[must_use]
            $vis fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::policy::read::FromNode for $name {
            fn from_node(node: &$crate::policy::tree::Node, faults: &mut $crate::policy::read::Faults) -> Option<Self> {
                let text = String::from_node(node, faults)?;
                match text.as_str() {
                    $($word => Some(Self::$variant),)+
                    other => {
                        $crate::policy::read::unknown_word(other, node.place, &[$($word),+], faults);
                        None
                    }
                }
            }
        }
    };
}
pub(in crate::policy) use words;

/// In the schema, a wrapper is what it wraps.
macro_rules! transparent_schema {
    ($($wrapper:ident),*) => {
        $(impl<T: JsonSchema> JsonSchema for $wrapper<T> {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                T::schema_name()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                generator.subschema_for::<T>()
            }
        })*
    };
}

transparent_schema!(Field, Located);

impl<T: JsonSchema> JsonSchema for List<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("list of {}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "array", "items": generator.subschema_for::<T>()})
    }
}

impl<T: JsonSchema> JsonSchema for Table<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("table of {}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "additionalProperties": generator.subschema_for::<T>()})
    }
}
