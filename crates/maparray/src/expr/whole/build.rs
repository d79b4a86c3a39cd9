//! How are functions over whole arrays built in Rust?
//!
//! By a method each; parameters that have no place among its arguments are set by [`Expr::whole`].
//!
//! Knows: the tree. Must not know: arrays, files.

use super::{Expr, Node, Parameters, S, Setting, Whole};

/// An axis, or `None` for all elements in C order.
fn along(axis: Option<i64>) -> Setting {
    axis.map_or(S::None, S::Int)
}

impl Expr {
    fn along(&self, function: Whole, values: Vec<(&str, Setting)>) -> Expr {
        self.with(function, vec![], values)
    }

    /// A function of this and other operands; parameters are those of its row.
    fn with(&self, function: Whole, others: Vec<Expr>, values: Vec<(&str, Setting)>) -> Expr {
        let mut parameters = Parameters::new(function);
        for (name, value) in values {
            parameters.resolved(name, value);
        }
        let operands = [vec![self.clone()], others].concat();
        Expr::new(Node::Whole {
            function,
            operands,
            parameters,
        })
    }

    /// The sums of all elements so far, along an axis or in C order.
    ///
    /// ```
    /// use maparray::{Eval, Expr, MemMapArray};
    /// let a = MemMapArray::from_slice(&[1_i32, 2, 3]);
    /// let sums = Eval::new(Expr::array("a").cumsum(None)).array("a", &a).run()?;
    /// assert_eq!(sums.to_vec::<i64>()?, [1, 3, 6]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    #[must_use]
    pub fn cumsum(&self, axis: Option<i64>) -> Expr {
        self.along(Whole::CumSum, vec![("axis", along(axis))])
    }

    /// The products of all elements so far, along an axis or in C order.
    ///
    /// ```
    /// use maparray::Expr;
    /// assert_eq!(Expr::array("a").cumprod(Some(0)).to_string(), "cumprod(a, axis=0)");
    /// ```
    #[must_use]
    pub fn cumprod(&self, axis: Option<i64>) -> Expr {
        self.along(Whole::CumProd, vec![("axis", along(axis))])
    }

    /// Each element less the one before it on this axis.
    ///
    /// ```
    /// use maparray::{Eval, Expr, MemMapArray};
    /// let a = MemMapArray::from_slice(&[1.0_f64, 4.0, 9.0]);
    /// let steps = Eval::new(Expr::array("a").diff(-1)).array("a", &a).run()?;
    /// assert_eq!(steps.to_vec::<f64>()?, [3.0, 5.0]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    #[must_use]
    pub fn diff(&self, axis: i64) -> Expr {
        self.along(Whole::Diff, vec![("axis", S::Int(axis))])
    }

    /// How many elements lie in each of so many bins of equal width, from the least to the greatest.
    ///
    /// ```
    /// use maparray::{Eval, Expr, MemMapArray};
    /// let a = MemMapArray::from_slice(&[0.0_f64, 0.5, 3.5, 4.0]);
    /// let counts = Eval::new(Expr::array("a").histogram(4)).array("a", &a).run()?;
    /// assert_eq!(counts.to_vec::<i64>()?, [2, 0, 0, 2]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    #[must_use]
    pub fn histogram(&self, bins: usize) -> Expr {
        let bins = S::Int(i64::try_from(bins).unwrap_or(i64::MAX));
        self.along(Whole::Histogram, vec![("bins", bins)])
    }

    /// A function of moving windows of so many elements, such as [`Whole::RollingMean`].
    ///
    /// ```
    /// use maparray::expr::Whole;
    /// use maparray::{Eval, Expr, MemMapArray};
    /// let a = MemMapArray::from_slice(&[1.0_f32, 2.0, 6.0]);
    /// let means = Expr::array("a").rolling(Whole::RollingMean, 2, -1);
    /// assert_eq!(means.to_string(), "rolling_mean(a, window=2)");
    /// assert_eq!(Eval::new(means).array("a", &a).run()?.to_vec::<f32>()?, [1.5, 4.0]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    #[must_use]
    pub fn rolling(&self, function: Whole, window: usize, axis: i64) -> Expr {
        let window = S::Int(i64::try_from(window).unwrap_or(i64::MAX));
        let values = vec![("window", window), ("axis", S::Int(axis))];
        self.along(function, values)
    }

    /// The product of matrices, as `a @ b`.
    ///
    /// ```
    /// use maparray::{Eval, Expr, MemMapArray};
    /// let a = MemMapArray::from_array(&ndarray::array![[1.0, 2.0], [3.0, 4.0]])?;
    /// let b = MemMapArray::from_slice(&[10.0_f64, 1.0]);
    /// let product = Expr::array("a").matmul(Expr::array("b"));
    /// assert_eq!(product.to_string(), "a @ b");
    /// let product = Eval::new(product).array("a", &a).array("b", &b).run()?;
    /// assert_eq!(product.to_vec::<f64>()?, [12.0, 34.0]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    #[must_use]
    pub fn matmul(&self, other: impl Into<Expr>) -> Expr {
        self.with(Whole::MatMul, vec![other.into()], vec![])
    }

    /// The sum of products along the last axis of this and the last but one of the other.
    ///
    /// ```
    /// use maparray::Expr;
    /// assert_eq!(Expr::array("a").dot(Expr::array("b")).to_string(), "dot(a, b)");
    /// ```
    #[must_use]
    pub fn dot(&self, other: impl Into<Expr>) -> Expr {
        self.with(Whole::Dot, vec![other.into()], vec![])
    }

    /// The elements in ascending order, NaN last, along an axis or all of them.
    ///
    /// ```
    /// use maparray::{Eval, Expr, MemMapArray};
    /// let a = MemMapArray::from_slice(&[3.0_f64, f64::NAN, 1.0]);
    /// let sorted = Eval::new(Expr::array("a").sort(Some(-1))).array("a", &a).run()?;
    /// assert_eq!(sorted.to_vec::<f64>()?[..2], [1.0, 3.0]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    #[must_use]
    pub fn sort(&self, axis: Option<i64>) -> Expr {
        self.along(Whole::Sort, vec![("axis", along(axis))])
    }

    /// The positions of the elements in ascending order; equal ones keep theirs.
    ///
    /// ```
    /// use maparray::{Eval, Expr, MemMapArray};
    /// let a = MemMapArray::from_slice(&[2_u8, 1, 2, 0]);
    /// let places = Eval::new(Expr::array("a").argsort(Some(0))).array("a", &a).run()?;
    /// assert_eq!(places.to_vec::<i64>()?, [3, 1, 0, 2]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    #[must_use]
    pub fn argsort(&self, axis: Option<i64>) -> Expr {
        self.along(Whole::ArgSort, vec![("axis", along(axis))])
    }

    /// The number that half of all elements are below.
    ///
    /// ```
    /// use maparray::{Eval, Expr, MemMapArray};
    /// let a = MemMapArray::from_slice(&[1_i32, 10, 2, 3]);
    /// let median = Eval::new(Expr::array("a").median()).array("a", &a).run()?;
    /// assert_eq!(median.get::<f64>(&[])?, 2.5);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    #[must_use]
    pub fn median(&self) -> Expr {
        self.along(Whole::Median, vec![])
    }

    /// The numbers that these shares of all elements are below.
    ///
    /// ```
    /// use maparray::{Eval, Expr, MemMapArray};
    /// let a = MemMapArray::from_slice(&[1.0_f64, 2.0, 3.0]);
    /// let ends = Eval::new(Expr::array("a").quantile(&[0.25, 1.0])).array("a", &a).run()?;
    /// assert_eq!(ends.to_vec::<f64>()?, [1.5, 3.0]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    #[must_use]
    pub fn quantile(&self, shares: &[f64]) -> Expr {
        self.along(Whole::Quantile, vec![("q", S::List(shares.to_vec()))])
    }

    /// All elements in ascending order, each once.
    ///
    /// ```
    /// use maparray::{Eval, Expr, MemMapArray};
    /// let a = MemMapArray::from_slice(&[2_u8, 1, 2]);
    /// let unique = Eval::new(Expr::array("a").unique()).array("a", &a).run()?;
    /// assert_eq!(unique.to_vec::<u8>()?, [1, 2]);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    #[must_use]
    pub fn unique(&self) -> Expr {
        self.along(Whole::Unique, vec![])
    }

    /// Whether the shape of its value is known before it is computed. Otherwise
    /// [`Eval::describe`](crate::Eval::describe) says the largest that it can have.
    ///
    /// ```
    /// use maparray::Expr;
    /// assert!(Expr::parse("cumsum(a)")?.has_known_shape());
    /// assert!(!Expr::parse("unique(a)")?.has_known_shape());
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn has_known_shape(&self) -> bool {
        match self.node() {
            Node::Whole { function, .. } => function.has_known_shape(),
            _ => true,
        }
    }
}
